"""Measures external workers: `measure.py SERVER PID`, the server's URL and process.

50 workers poll. Prints the idle CPU of the server, executions per second, and the time from a
trigger's answer to the lease. The results are in `docs/internals/external-workers.md`.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import threading
import time
import uuid
from typing import Any
from urllib.parse import urlsplit

WORKERS = 50
SERVER = urlsplit(sys.argv[1])
PID = int(sys.argv[2])
API = "/api/v1/workers"
picked: dict[str, float] = {}
done = threading.Event()


def connect() -> http.client.HTTPConnection:
    """A connection of its own."""
    return http.client.HTTPConnection(SERVER.hostname or "", SERVER.port, timeout=60)


def post(connection: http.client.HTTPConnection, path: str, body: dict[str, Any]) -> Any:
    """Sends a request and returns the JSON of its answer."""
    headers = {"Content-Type": "application/json"}
    connection.request("POST", API + path, json.dumps(body), headers)
    answer = connection.getresponse()
    content = json.loads(answer.read() or b"null")
    assert answer.status < 300, content
    return content


def work() -> None:
    """Polls and succeeds at once."""
    connection = connect()
    poll = {"workerId": str(uuid.uuid4()), "jobs": ["kit.work"], "max": 1, "waitMs": 2_000}
    while not done.is_set():
        for lease in post(connection, "/leases", poll)["leases"]:
            picked[lease["executionId"]] = time.monotonic()
            result = {"result": {"doubled": 2, "attempt": 1}}
            post(connection, f"/leases/{lease['token']}/succeed", result)


def cpu() -> float:
    """The seconds that the server has used."""
    with open(f"/proc/{PID}/stat") as stat:
        fields = stat.read().rsplit(")")[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measures one after the other."""
    for _ in range(WORKERS):
        threading.Thread(target=work, daemon=True).start()
    connection = connect()
    payload = {"payload": {"mode": "echo", "number": 1}}
    time.sleep(3)
    began, used = time.monotonic(), cpu()
    time.sleep(10)
    print(f"idle CPU: {100 * (cpu() - used) / (time.monotonic() - began):.1f} % of a core")

    waits = []
    for _ in range(500):
        id = post(connection, "/jobs/kit.work/trigger", payload)["executionId"]
        at = time.monotonic()
        time.sleep(0.01)
        while id not in picked:
            time.sleep(0.0005)
        waits.append(picked[id] - at)
    waits.sort()
    print(f"pickup: median {1e3 * waits[250]:.1f} ms, p99 {1e3 * waits[495]:.1f} ms")

    picked.clear()
    began, used = time.monotonic(), cpu()
    for _ in range(20):
        post(connection, "/jobs/kit.work/trigger-batch", {"executions": [payload] * 100})
    while len(picked) < 2_000:
        time.sleep(0.005)
    print(f"executions: {2_000 / (time.monotonic() - began):.0f} a second")
    print(f"CPU of the server: {1e3 * (cpu() - used) / 2_000:.2f} ms an execution")
    done.set()


if __name__ == "__main__":
    main()
