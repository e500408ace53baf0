"""Requirements: a name, a promise and a check; their run and its report."""

from __future__ import annotations

import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Callable, TypeVar

T = TypeVar("T")

#: The longest wait for something that has to happen, in seconds. Generous: machines are busy.
PATIENCE = 30.0

#: The requirements that are checked at a time.
AT_ONCE = 4


class NotMet(AssertionError):
    """A requirement is not met, for this reason."""


@dataclass(frozen=True)
class Requirement:
    """One sentence of the protocol, with its check."""

    name: str
    promise: str
    check: Callable[[], None]


def expect(is_met: object, reason: str) -> None:
    """Fails the check with a reason, unless something holds."""
    if not is_met:
        raise NotMet(reason)


def wait_for(what: str, look: Callable[[], T | None], patience: float = PATIENCE) -> T:
    """Polls until `look` returns something true, and returns that."""
    ends_at = time.monotonic() + patience
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() >= ends_at:
            raise NotMet(f"waited {patience:.0f} s for {what}")
        time.sleep(0.02)


def run_all(requirements: list[Requirement], only: list[str]) -> int:
    """Checks requirements, several at a time, and prints a line for each. Returns the exit code."""
    names = {one.name for one in requirements}
    unknown = [name for name in only if name not in names]
    if unknown:
        print(f"no requirement {', '.join(unknown)}; `list` names them")
        return 2
    chosen = [one for one in requirements if not only or one.name in only]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        verdicts = list(pool.map(_verdict, chosen))
    for one, reason in zip(chosen, verdicts):
        print(f"{'ok    ' if reason is None else 'FAILED'} {one.name}: {one.promise}")
        if reason is not None:
            print(f"       {reason}")
    failed = sum(reason is not None for reason in verdicts)
    print(f"{len(chosen) - failed} of {len(chosen)} requirements are met")
    return 1 if failed else 0


def _verdict(requirement: Requirement) -> str | None:
    try:
        requirement.check()
    except NotMet as reason:
        return str(reason)
    except Exception:
        return traceback.format_exc().strip().replace("\n", "\n       ")
    return None
