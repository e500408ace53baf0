"""The context of an attempt, as its handler sees it."""

from __future__ import annotations

import logging
import math
import threading
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Callable

from ._text import cut
from .errors import Cancelled

#: The longest message of a progress report, in bytes. The server stores no more.
MOST_MESSAGE = 1_024


@dataclass(frozen=True)
class Attempt:
    """The constant part of an attempt."""

    execution_id: str
    job_id: str
    queue: str
    attempt: int
    is_last_attempt: bool
    fencing_token: str
    correlation_id: str | None
    trace_parent: str | None
    deadline: datetime | None

    @staticmethod
    def of(lease: dict[str, Any]) -> Attempt:
        """The attempt of a lease, as the server describes it."""
        deadline = lease.get("deadline")
        return Attempt(
            execution_id=lease["executionId"],
            job_id=lease["jobId"],
            queue=lease["queue"],
            attempt=lease["attempt"],
            is_last_attempt=lease["isLastAttempt"],
            fencing_token=lease["fencingToken"],
            correlation_id=lease.get("correlationId"),
            trace_parent=lease.get("traceParent"),
            deadline=_time(deadline) if deadline else None,
        )


def _time(text: str) -> datetime:
    # Python 3.9 reads neither `Z` nor every number of decimals.
    text = text.rstrip("Z")
    text, _, decimals = text.partition(".")
    moment = datetime.fromisoformat(text).replace(tzinfo=timezone.utc)
    return moment.replace(microsecond=int(decimals[:6].ljust(6, "0")) if decimals else 0)


class Context:
    """What a handler knows about its attempt, and what it reports.

    `execution_id` is the same in every attempt: pass it to outside systems as the idempotency key.
    `fencing_token` grows with every attempt.
    """

    def __init__(self, attempt: Attempt, report: Callable[[float | None, str | None], None]) -> None:
        self._attempt = attempt
        self._report = report
        self._stop = threading.Event()
        self._reason: str | None = None
        #: The logger of the attempt. What other loggers emit in its thread is stored too.
        self.log = logging.getLogger(f"jobs.{attempt.job_id}")
        if self.log.level == logging.NOTSET:
            self.log.setLevel(logging.INFO)

    @property
    def execution_id(self) -> str:
        """The id of the execution."""
        return self._attempt.execution_id

    @property
    def job_id(self) -> str:
        """The id of the job."""
        return self._attempt.job_id

    @property
    def attempt(self) -> int:
        """The number of the attempt, from 1."""
        return self._attempt.attempt

    @property
    def is_last_attempt(self) -> bool:
        """True if a failure of this attempt is final."""
        return self._attempt.is_last_attempt

    @property
    def fencing_token(self) -> str:
        """Names this attempt, for outside systems that reject older writers."""
        return self._attempt.fencing_token

    @property
    def correlation_id(self) -> str | None:
        """The larger process that the execution is part of."""
        return self._attempt.correlation_id

    @property
    def trace_parent(self) -> str | None:
        """The W3C trace context of the execution, for spans of the handler."""
        return self._attempt.trace_parent

    @property
    def deadline(self) -> datetime | None:
        """The time at which the server ends the attempt."""
        return self._attempt.deadline

    def progress(self, percent: float, message: str | None = None) -> None:
        """Reports progress. Never waits; the latest report counts; it never decreases."""
        percent = float(percent)
        bounded = None if math.isnan(percent) else min(max(percent, 0.0), 100.0)
        self._report(bounded, None if message is None else cut(str(message), MOST_MESSAGE))

    def progress_of(self, done: int, total: int, unit: str = "") -> None:
        """Reports progress as a part of a whole: `12 of 40 files`."""
        percent = 100.0 * done / total if total > 0 else 0.0
        self.progress(percent, f"{done} of {total} {unit}".rstrip())

    @property
    def cancelled(self) -> bool:
        """True if the handler has to stop: `stop_reason` says why."""
        return self._stop.is_set()

    @property
    def stop_reason(self) -> str | None:
        """`cancel`, `timeout`, `lost` or `shutdown`; None while the handler may go on."""
        return self._reason

    def check(self) -> None:
        """Raises `Cancelled` if the handler has to stop. Call it in loops."""
        if self._stop.is_set():
            raise Cancelled(f"stopped: {self._reason}")

    def sleep(self, seconds: float) -> None:
        """Sleeps. Raises `Cancelled` at once if the handler has to stop."""
        self._stop.wait(seconds)
        self.check()

    def _interrupt(self, reason: str) -> None:
        if self._reason is None:
            self._reason = reason
        self._stop.set()
