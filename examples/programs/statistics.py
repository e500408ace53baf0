"""The mean of numbers: {"numbers": [3, 4, 8]} → {"mean": 5.0, "count": 3}"""

import json
import sys


def main() -> int:
    """Reads the input and prints the result."""
    numbers = json.loads(sys.stdin.readline()).get("numbers")
    if not numbers:
        print("no numbers", file=sys.stderr)
        return 65
    total = 0.0
    for done, number in enumerate(numbers):
        total += number
        print(f"progress {100 * done // len(numbers)} adding", file=sys.stderr)
    print("this line is no result")
    print(json.dumps({"mean": total / len(numbers), "count": len(numbers)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
