"""One lease of a worker: its reports, its heartbeats, the end of its attempt."""

from __future__ import annotations

import json
import logging
import threading
import time
from typing import Any

from ._text import cut
from ._transport import TIMEOUT, Backoff, Transport
from .context import Attempt, Context
from .errors import ApiError, JobsError, LeaseLost, ServerUnavailable

log = logging.getLogger("jobs_client")

#: The most lines in one heartbeat.
LINES_AT_ONCE = 500

#: The most bytes of lines in one heartbeat, unless one line has more.
BYTES_AT_ONCE = 512 * 1024

#: The most lines that wait for the server. Further lines are dropped.
MOST_LINES = 1_100

#: The pause before the first heartbeat, in seconds. Short attempts need none.
FIRST_BEAT = 0.3


class Lease:
    """A lease, shared by the thread of its handler, the supervisor and its watcher."""

    def __init__(self, transport: Transport, answer: dict[str, Any], settings: Settings) -> None:
        self.attempt = Attempt.of(answer)
        self.payload: dict[str, Any] = answer["payload"]
        self.context = Context(self.attempt, self._report)
        self.ended = threading.Event()
        self._path = f"/leases/{answer['token']}"
        self._transport = transport
        self._settings = settings
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._progress: tuple[float | None, str | None] | None = None
        #: The lines that the server does not have yet, each with its size.
        self._lines: list[tuple[int, dict[str, Any]]] = []
        self._count = 0
        self._rejected = 0
        self._pauses = Backoff(longest=5.0)
        self._quiet_until = 0.0

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
        size = len(json.dumps(line))
        with self._lock:
            if len(self._lines) < MOST_LINES:
                self._count += 1
                self._lines.append((size, {"line": self._count, **line}))

    def flush_if_due(self) -> None:
        """Sends reports, unless that has failed a short time ago."""
        if time.monotonic() < self._quiet_until:
            return
        try:
            self.flush()
        except Exception as error:
            pause = self._pauses.pause(getattr(error, "retry_after", None))
            self._quiet_until = time.monotonic() + pause
            raise
        self._pauses.reset()

    def flush(self) -> None:
        """Sends progress and log lines, if there are any."""
        with self._flushing:
            # Apart from the lines, whose rejection must not keep it.
            self._send_progress()
            while lines := self._next_lines():
                self._send_lines(lines)

    def _send_progress(self) -> None:
        with self._lock:
            progress, self._progress = self._progress, None
        if progress is None:
            return
        try:
            self._heartbeat({"progress": progress[0], "message": progress[1]}, 0.0)
        except JobsError as error:
            if not _is_rejection(error):
                self._keep(progress)
                raise
            log.warning("progress of %s: %s", self.attempt.fencing_token, error)

    def _keep(self, progress: tuple[float | None, str | None]) -> None:
        """Keeps progress that was not sent, unless there is newer one."""
        with self._lock:
            self._progress = self._progress or progress

    def _next_lines(self) -> list[dict[str, Any]]:
        """The lines of the next heartbeat."""
        lines: list[dict[str, Any]] = []
        bytes_left = BYTES_AT_ONCE
        with self._lock:
            for size, line in self._lines[:LINES_AT_ONCE]:
                bytes_left -= size
                if lines and bytes_left < 0:
                    break
                lines.append(line)
        return lines

    def _send_lines(self, lines: list[dict[str, Any]]) -> None:
        """Sends the first lines and forgets them. Drops the lines that the server rejects."""
        try:
            self._heartbeat({"logs": lines}, 0.0)
        except ApiError as error:
            if not error.is_rejection:
                raise
            if len(lines) > 1:
                half = len(lines) // 2
                self._send_lines(lines[:half])
                self._send_lines(lines[half:])
                return
            self._count_rejected(error)
        with self._lock:
            del self._lines[: len(lines)]

    def _count_rejected(self, error: ApiError) -> None:
        self._rejected += 1
        if self._rejected == 1:
            log.warning("a log line of %s was rejected: %s", self.attempt.fencing_token, error)

    def _heartbeat(self, body: dict[str, Any], wait: float) -> None:
        body = {name: value for name, value in body.items() if value is not None}
        body["waitMs"] = round(wait * 1000)
        path, timeout = f"{self._path}/heartbeat", self._settings.beat_timeout
        try:
            answer = self._transport.request("POST", path, body, wait, timeout)
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
        """Starts the thread that keeps the lease and waits for an interrupt."""
        name = f"watch-{self.attempt.fencing_token}"
        threading.Thread(target=self._watch, name=name, daemon=True).start()

    def _watch(self) -> None:
        # A longer pause could outlast the lease although the server is back.
        pauses = Backoff(longest=self._settings.lease / 6)
        self.ended.wait(FIRST_BEAT)
        while not self.ended.is_set():
            try:
                self._beat()
                pauses.reset()
            except LeaseLost:
                return
            except ServerUnavailable:
                self.ended.wait(pauses.pause())
            except ApiError as error:
                log.warning("heartbeat of %s: %s", self.attempt.fencing_token, error)
                self.ended.wait(pauses.pause(error.retry_after))
            except Exception:
                log.exception("heartbeat of %s", self.attempt.fencing_token)
                self.ended.wait(pauses.pause())

    def _beat(self) -> None:
        # Once interrupted, the server answers at once: the beat goes on at its interval.
        wait = 0.0 if self.context.cancelled else self._settings.heartbeat
        self._heartbeat({}, wait)
        if wait == 0.0 or self.context.cancelled:
            self.ended.wait(self._settings.heartbeat)

    # The end of the attempt.

    def succeed(self, result: Any) -> None:
        """Ends the attempt with a result. An invalid result becomes a permanent failure."""
        try:
            self._end("succeed", {"result": result})
        except ApiError as error:
            if not error.is_rejection:
                raise
            log.error("result of %s: %s", self.attempt.fencing_token, error)
            message = cut(f"the result was rejected: {error}")
            self.fail({"message": message, "permanent": True})

    def fail(self, failure: dict[str, Any]) -> None:
        """Ends the attempt with a failure. One that is rejected is sent with another message."""
        try:
            self._end("fail", failure)
        except ApiError as error:
            if not error.is_rejection:
                raise
            log.error("failure of %s: %s", self.attempt.fencing_token, error)
            message = f"the server rejected the message of this failure: {error.status}"
            self._end("fail", {**failure, "message": message})

    def release(self, within: float) -> None:
        """Gives the attempt back, unspent. Stops to try after `within` seconds."""
        self._end("release", {}, within, min(within, TIMEOUT))

    def _end(
        self,
        verb: str,
        body: dict[str, Any],
        within: float | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        """Sends the end until the server answers. A lost lease ends it as well."""
        pauses = Backoff()
        within = self._settings.end_timeout if within is None else within
        gives_up_at = time.monotonic() + within
        while True:
            try:
                self._flush_last()
                self._transport.request("POST", f"{self._path}/{verb}", body, 0.0, timeout)
                self.ended.set()
                self._say_rejected()
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
        """Sends what is left. What cannot be sent must not keep the attempt from its end."""
        try:
            self.flush()
        except ServerUnavailable:
            raise
        except ApiError as error:
            if isinstance(error, LeaseLost) or error.is_temporary:
                raise
            log.warning("report of %s: %s", self.attempt.fencing_token, error)
        except Exception:
            log.exception("report of %s", self.attempt.fencing_token)

    def _say_rejected(self) -> None:
        if self._rejected > 1:
            token = self.attempt.fencing_token
            log.warning("%d log lines of %s were rejected", self._rejected, token)


def _is_rejection(error: JobsError) -> bool:
    return isinstance(error, ApiError) and error.is_rejection


class Settings:
    """The times of the server, as its last answer said."""

    def __init__(self) -> None:
        self.lease = 30.0
        self.heartbeat = 10.0

    def read(self, answer: dict[str, Any]) -> None:
        """Takes the times of an answer."""
        self.lease = answer["leaseMs"] / 1000
        # A longer wait would leave no time for a second try at another server.
        self.heartbeat = min(answer["heartbeatMs"] / 1000, self.lease / 3)

    @property
    def beat_timeout(self) -> float:
        """How long the answer to a heartbeat may take beside its wait."""
        return self.lease / 4

    @property
    def end_timeout(self) -> float:
        """How long an end is sent again. The lease is lost long before."""
        return 10 * self.lease
