"""What the server is told about an error of a handler."""

from __future__ import annotations

import traceback
from typing import Any

from ._text import cut
from .errors import (
    Cancelled,
    InvalidPayload,
    JobsError,
    Permanent,
    RateLimited,
    RetryIn,
    Snooze,
)

#: The longest delay that a handler may ask for: a hundred years, in seconds.
MOST_DELAY = 100 * 365 * 86_400.0


class ProcessCrashed(JobsError):
    """The process of a handler ended without an answer."""


class ProcessFailed(JobsError):
    """The handler of a process has raised. Its error stays there, as it may not be picklable."""

    def __init__(self, failure: dict[str, Any]) -> None:
        self.failure = failure
        super().__init__(failure["message"])


def failure_of(error: BaseException) -> dict[str, Any]:
    """An error as the body of `fail`."""
    if isinstance(error, ProcessFailed):
        return error.failure
    message = _message(error)
    try:
        failure = _described(error, message)
    except Exception:
        # A class of the handler may lack what its base has.
        failure = {"message": f"{type(error).__name__}: {message}"}
    return {**failure, "message": cut(failure["message"])}


def is_cancelled(failure: dict[str, Any]) -> bool:
    """True if the handler has stopped because it was asked to."""
    return failure.get("kind") == "cancelled"


def _message(error: BaseException) -> str:
    try:
        return str(error) or type(error).__name__
    except Exception:
        return type(error).__name__


def _described(error: BaseException, message: str) -> dict[str, Any]:
    if isinstance(error, Permanent):
        return {"message": message, "permanent": True}
    if isinstance(error, RetryIn):
        return {"message": message, "retryInMs": _millis(error.seconds)}
    if isinstance(error, Snooze):
        return {"message": message, "snoozeMs": _millis(error.seconds)}
    if isinstance(error, RateLimited):
        return {"message": message, "rateLimitedMs": _millis(error.seconds)}
    if isinstance(error, Cancelled):
        return {"message": message, "kind": "cancelled"}
    if isinstance(error, InvalidPayload):
        return {"message": message, "kind": "invalid_payload"}
    if isinstance(error, (ProcessCrashed, SystemExit, KeyboardInterrupt, MemoryError)):
        return {"message": message, "kind": "panicked"}
    trace = "".join(traceback.format_tb(error.__traceback__)[-3:])
    return {"message": f"{type(error).__name__}: {message}\n{trace}".rstrip()}


def _millis(seconds: float) -> int:
    # In this order, NaN becomes 0.
    return round(min(max(0.0, seconds), MOST_DELAY) * 1000)
