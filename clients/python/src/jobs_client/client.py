"""The client: triggers jobs, reads executions, waits for results."""

from __future__ import annotations

import time
import uuid
from datetime import datetime
from typing import Any
from urllib.parse import quote

from ._transport import Backoff, Transport
from .errors import ApiError, ExecutionFailed, ServerUnavailable

FINAL = ("succeeded", "failed", "cancelled")

#: How often a trigger or a read is tried before its error is raised.
TRIES = 5


class Execution:
    """An execution that was triggered."""

    def __init__(self, client: Client, id: str, job_id: str, triggered: bool) -> None:
        self._client = client
        self.id = id
        self.job_id = job_id
        #: False if an idempotency key or a unique key found an existing execution.
        self.triggered = triggered

    def read(self) -> dict[str, Any]:
        """The execution as it is now."""
        return self._client.execution(self.id)

    def result(self, wait: bool = True, timeout: float | None = None) -> Any:
        """The result; see `Client.result`."""
        return self._client.result(self.id, wait, timeout)

    def cancel(self) -> dict[str, Any]:
        """Cancels the execution, or asks its worker to end it."""
        return self._client.cancel(self.id)

    def __repr__(self) -> str:
        return f"Execution({self.id!r}, {self.job_id!r})"


class Client:
    """Triggers jobs over HTTP. Safe to share between threads.

    `server` defaults to `JOBS_SERVER`, or to the address of a local server. `token` defaults to
    `JOBS_TOKEN`.
    """

    def __init__(self, server: str | None = None, token: str | None = None) -> None:
        self._transport = Transport(server, token)

    def trigger(
        self,
        job_id: str,
        payload: dict[str, Any] | None = None,
        *,
        priority: int | str | None = None,
        delay: float | None = None,
        run_at: datetime | None = None,
        idempotency_key: str | None = None,
        correlation_id: str | None = None,
        item_id: str | None = None,
        created_by: str | None = None,
        tags: list[str] | None = None,
    ) -> Execution:
        """Enqueues an execution. `delay` is in seconds.

        A request without an answer is sent again. It creates one execution all the same: without an
        `idempotency_key` of yours, it carries a random one.
        """
        body = {
            "payload": payload or {},
            "priority": priority,
            "delayMs": None if delay is None else round(delay * 1000),
            "runAt": None if run_at is None else _rfc3339(run_at),
            "idempotencyKey": idempotency_key or str(uuid.uuid4()),
            "correlationId": correlation_id,
            "itemId": item_id,
            "createdBy": created_by,
            "tags": tags,
        }
        body = {name: value for name, value in body.items() if value is not None}
        answer = self._request("POST", f"/jobs/{quote(job_id, safe='')}/trigger", body)
        # A replay of a random key is this trigger itself.
        triggered = answer["triggered"] or idempotency_key is None
        return Execution(self, answer["executionId"], answer["jobId"], triggered)

    def execution(self, execution_id: str) -> dict[str, Any]:
        """One execution with its attempts."""
        answer = self._request("GET", f"/executions/{quote(execution_id, safe='')}")
        assert isinstance(answer, dict)
        return answer

    def cancel(self, execution_id: str) -> dict[str, Any]:
        """Cancels an execution, or asks its worker to end it."""
        answer = self._request("POST", f"/executions/{quote(execution_id, safe='')}/cancel")
        assert isinstance(answer, dict)
        return answer

    def result(self, execution_id: str, wait: bool = True, timeout: float | None = None) -> Any:
        """The result of an execution that has succeeded.

        Raises `ExecutionFailed` if it has failed or was cancelled, and `TimeoutError` if it is not
        final yet: at once without `wait`, else after `timeout` seconds.
        """
        ends_at = None if timeout is None else time.monotonic() + timeout
        pauses = Backoff(first=0.05, longest=1.0)
        while True:
            execution = self.execution(execution_id)
            status = execution["status"]
            if status == "succeeded":
                return execution.get("result")
            if status in FINAL:
                raise ExecutionFailed(execution)
            if not wait or (ends_at is not None and time.monotonic() >= ends_at):
                raise TimeoutError(f"execution {execution_id} is {status}")
            time.sleep(pauses.pause())

    def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        pauses = Backoff()
        for tries in range(1, TRIES + 1):
            try:
                return self._transport.request(method, path, body)
            except ServerUnavailable:
                if tries == TRIES:
                    raise
                time.sleep(pauses.pause())
            except ApiError as error:
                if tries == TRIES or not error.is_temporary or error.code == "queue_full":
                    raise
                time.sleep(pauses.pause(error.retry_after))
        raise AssertionError("unreachable")


def _rfc3339(at: datetime) -> str:
    if at.tzinfo is None:
        raise ValueError("`run_at` needs a time zone, for example `timezone.utc`")
    return at.isoformat()
