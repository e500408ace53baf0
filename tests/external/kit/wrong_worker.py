"""A worker with one fault, for the tests of the conformance kit: `wrong_worker.py FAULT`."""

from __future__ import annotations

import os
import sys
from typing import Any

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))

import worker  # noqa: E402
from jobs_client import ApiError, Context, Worker  # noqa: E402
from jobs_client._lease import Lease  # noqa: E402


def no_heartbeats() -> None:
    """It never says that it is alive."""
    setattr(Lease, "watch", lambda self: None)


def ignores_cancel() -> None:
    """It does not pass interrupts on."""
    setattr(Context, "_interrupt", lambda self, reason: None)


def gives_up() -> None:
    """It sends each end once."""

    def once(self: Lease, verb: str, body: dict[str, Any], *_times: float) -> None:
        self._transport.request("POST", f"{self._path}/{verb}", body)

    setattr(Lease, "_end", once)


def greedy() -> None:
    """It asks for more than it can start."""
    lease = Worker._lease

    def more(self: Worker, connection: Any, wanted: dict[str, Any], free: int, wait: float) -> None:
        lease(self, connection, {**wanted, "max": 10}, free, wait)

    setattr(Worker, "_lease", more)


def unnumbered_logs() -> None:
    """It gives every log line the number 1."""
    add = Lease.add_line

    def first(self: Lease, line: dict[str, Any]) -> None:
        add(self, line)
        for _, kept in self._lines:
            kept["line"] = 1

    setattr(Lease, "add_line", first)


FAULTS = {
    "no-heartbeats": no_heartbeats,
    "ignores-cancel": ignores_cancel,
    "gives-up": gives_up,
    "greedy": greedy,
    "unnumbered-logs": unnumbered_logs,
}

if __name__ == "__main__":
    FAULTS[sys.argv[1]]()
    sys.argv[1:] = ["2"]
    try:
        worker.main()
    except ApiError as error:
        sys.exit(str(error))
