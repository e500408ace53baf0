"""One lease of a worker: its reports, its heartbeats, the end of its attempt."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from ._transport import Backoff, Transport
from .context import Attempt, Context
from .errors import ApiError, LeaseLost, ServerUnavailable

log = logging.getLogger("jobs_client")

#: The most lines in one heartbeat.
LINES_AT_ONCE = 500

#: The most lines that wait for the server. Further lines are dropped.
MOST_LINES = 1_100


class Lease:
    """A lease, shared by the thread of its handler, the supervisor and its watcher."""

    def __init__(self, transport: Transport, answer: dict[str, Any], settings: Settings) -> None:
        self.attempt = Attempt.of(answer)
        self.payload: dict[str, Any] = answer["payload"]
        self.started = time.monotonic()
        self.context = Context(self.attempt, self._report)
        self.ended = threading.Event()
        self._path = f"/leases/{answer['token']}"
        self._transport = transport
        self._settings = settings
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._progress: tuple[float | None, str | None] | None = None
        self._lines: list[dict[str, Any]] = []
        self._count = 0
        self._watcher: threading.Thread | None = None

    # What the handler reports: kept here, sent by `flush`.

    def _report(self, percent: float | None, message: str | None) -> None:
        with self._lock:
            before = self._progress or (None, None)
            self._progress = (
                before[0] if percent is None else percent,
                before[1] if message is None else message,
            )

    def add_line(self, line: dict[str, Any]) -> None:
        """Keeps a log line until the server has it."""
        with self._lock:
            if len(self._lines) < MOST_LINES:
                self._count += 1
                self._lines.append({"line": self._count, **line})

    def flush(self) -> None:
        """Sends progress and log lines, if there are any."""
        with self._flushing:
            while True:
                with self._lock:
                    progress, self._progress = self._progress, None
                    lines = self._lines[:LINES_AT_ONCE]
                if progress is None and not lines:
                    return
                body: dict[str, Any] = {"logs": lines} if lines else {}
                if progress is not None:
                    body.update({"progress": progress[0], "message": progress[1]})
                try:
                    self._heartbeat(body, 0.0)
                except (ServerUnavailable, ApiError):
                    self._keep(progress)
                    raise
                with self._lock:
                    del self._lines[: len(lines)]

    def _keep(self, progress: tuple[float | None, str | None] | None) -> None:
        """Keeps progress that was not sent, unless there is newer one."""
        if progress is not None:
            with self._lock:
                self._progress = self._progress or progress

    def _heartbeat(self, body: dict[str, Any], wait: float) -> None:
        body = {name: value for name, value in body.items() if value is not None}
        body["waitMs"] = round(wait * 1000)
        try:
            answer = self._transport.request("POST", f"{self._path}/heartbeat", body, wait)
        except LeaseLost:
            self.lose()
            raise
        if answer["interrupt"] is not None:
            self.context._interrupt(answer["interrupt"])

    def lose(self) -> None:
        """The lease does not hold any more: what the handler does is in vain."""
        if not self.ended.is_set():
            log.warning("lease of %s lost", self.attempt.fencing_token)
        self.context._interrupt("lost")
        self.ended.set()

    # Heartbeats of a handler that runs for longer.

    def watch(self) -> None:
        """Starts the thread that waits for an interrupt, once."""
        if self._watcher is None:
            name = f"watch-{self.attempt.fencing_token}"
            self._watcher = threading.Thread(target=self._watch, name=name, daemon=True)
            self._watcher.start()

    def _watch(self) -> None:
        pauses = Backoff()
        while not self.ended.is_set():
            # Once interrupted, the server answers at once: the beat goes on at its interval.
            wait = 0.0 if self.context.cancelled else self._settings.heartbeat
            try:
                self._heartbeat({}, wait)
                pauses.reset()
                if wait == 0.0 or self.context.cancelled:
                    self.ended.wait(self._settings.heartbeat)
            except LeaseLost:
                return
            except ServerUnavailable:
                self.ended.wait(pauses.pause())
            except ApiError as error:
                log.warning("heartbeat of %s: %s", self.attempt.fencing_token, error)
                self.ended.wait(pauses.pause(error.retry_after))

    # The end of the attempt.

    def succeed(self, result: Any) -> None:
        """Ends the attempt with a result. An invalid result becomes a permanent failure."""
        try:
            self._end("succeed", {"result": result})
        except ApiError as error:
            if error.status not in (400, 413, 422):
                raise
            log.error("result of %s: %s", self.attempt.fencing_token, error)
            self.fail({"message": f"the result was rejected: {error}", "permanent": True})

    def fail(self, failure: dict[str, Any]) -> None:
        """Ends the attempt with a failure."""
        self._end("fail", failure)

    def release(self) -> None:
        """Gives the attempt back, unspent."""
        self._end("release", {})

    def _end(self, verb: str, body: dict[str, Any]) -> None:
        """Sends the end until the server answers. A lost lease ends it as well."""
        pauses = Backoff()
        gives_up_at = time.monotonic() + self._settings.end_timeout
        while True:
            try:
                self._flush_last()
                self._transport.request("POST", f"{self._path}/{verb}", body)
                self.ended.set()
                return
            except LeaseLost:
                return self.lose()
            except (ServerUnavailable, ApiError) as error:
                if isinstance(error, ApiError) and not error.is_temporary:
                    raise
                if time.monotonic() >= gives_up_at:
                    log.error("%s of %s given up: %s", verb, self.attempt.fencing_token, error)
                    return self.lose()
                time.sleep(pauses.pause(getattr(error, "retry_after", None)))

    def _flush_last(self) -> None:
        try:
            self.flush()
        except ApiError as error:
            if isinstance(error, LeaseLost) or error.is_temporary:
                raise
            # A report that the server rejects must not keep the attempt from its end.
            log.warning("report of %s: %s", self.attempt.fencing_token, error)


class Settings:
    """The times of the server, as its last answer said."""

    def __init__(self) -> None:
        self.lease = 30.0
        self.heartbeat = 10.0

    def read(self, answer: dict[str, Any]) -> None:
        """Takes the times of an answer."""
        self.lease = answer["leaseMs"] / 1000
        self.heartbeat = answer["heartbeatMs"] / 1000

    @property
    def end_timeout(self) -> float:
        """How long an end is sent again. The lease is lost long before."""
        return 10 * self.lease
