"""Errors of the server, and errors by which a handler says what follows its attempt."""

from __future__ import annotations

from typing import Any


class JobsError(Exception):
    """The base of every error of this package."""


class ServerUnavailable(JobsError):
    """The server cannot be reached, or does not answer."""


class ApiError(JobsError):
    """The server rejected a request. `code` is stable; see the server's documentation."""

    def __init__(self, status: int, problem: dict[str, Any], retry_after: float | None = None) -> None:
        self.status = status
        self.code: str = str(problem.get("code", ""))
        self.detail: str = str(problem.get("detail", ""))
        self.violations: list[dict[str, str]] = list(problem.get("violations", []))
        self.problem = problem
        self.retry_after = retry_after
        mistakes = "; ".join(f"{one.get('pointer') or '/'} {one.get('message')}" for one in self.violations)
        text = f"{status} {self.code}: {self.detail}"
        super().__init__(f"{text} ({mistakes})" if mistakes else text)

    @property
    def is_temporary(self) -> bool:
        """True if the same request may succeed later."""
        return self.status in (408, 429) or self.status >= 500

    @property
    def is_rejection(self) -> bool:
        """True if the content of the request is at fault."""
        return self.status in (400, 413, 422)


class LeaseLost(ApiError):
    """The lease does not hold any more. Nothing was changed."""


class ExecutionFailed(JobsError):
    """The execution has failed or was cancelled."""

    def __init__(self, execution: dict[str, Any]) -> None:
        self.execution = execution
        self.status: str = execution["status"]
        error = execution.get("error") or {}
        self.kind: str = error.get("kind", self.status)
        super().__init__(f"execution {execution['id']} {self.status}: {error.get('message', '')}")


class Permanent(JobsError):
    """A failure that no further attempt can fix."""


class InvalidPayload(JobsError):
    """The payload cannot be read by this version of the handler."""


class Cancelled(JobsError):
    """The handler has stopped because it was asked to, or because the work is no longer wanted."""


class _Delayed(JobsError):
    #: For a class whose own `__init__` does not call this one.
    seconds = 0.0

    def __init__(self, seconds: float, message: str = "") -> None:
        self.seconds = seconds
        super().__init__(message or f"again in {seconds} s")


class RetryIn(_Delayed):
    """A failure; the next attempt follows after this delay, if the retry budget allows one."""


class Snooze(_Delayed):
    """No failure: the execution runs again after this delay. No attempt is spent."""


class RateLimited(_Delayed):
    """Like `Snooze`, because an outside system asked to wait. Pauses the rate limits of the job."""
