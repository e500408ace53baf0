"""The worker: polls for executions, runs their handlers, reports their ends."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import platform
import signal
import socket
import threading
import time
import uuid
from typing import Any, Callable, TypeVar

from . import _process
from ._broker import Claim, Consumer, load_pika
from ._failures import failure_of, is_cancelled
from ._lease import Lease, Settings
from ._logs import AttemptHandler, captured_by
from ._routing import RoutingKeys
from ._transport import Backoff, Connection, Transport
from .context import Context
from .errors import ApiError, JobsError, LeaseLost, Permanent, ServerUnavailable

log = logging.getLogger("jobs_client")

H = TypeVar("H", bound=Callable[..., Any])

#: The longest wait of a poll, in seconds. The server may answer earlier.
POLL_WAIT = 20.0

#: The interval at which a worker with a broker polls the server as well, in seconds.
STORE_POLL = 5.0

#: The interval at which reports are sent.
FLUSH = 0.3

#: The least time for giving attempts back, in seconds, if the server answers that slowly.
RELEASE = 5.0


class Worker:
    """Executes jobs. Each job has a handler, a function of a context and the payload:

        worker = Worker("http://127.0.0.1:8091", threads=4)

        @worker.job("greet")
        def greet(ctx: Context, payload: dict[str, Any]) -> dict[str, Any]:
            return {"text": f"Hello, {payload['name']}"}

        worker.run()

    `threads` is the number of attempts at a time. With `processes=True` each attempt runs in a
    process of its own. The handler must then be importable, and its result picklable.

    With `broker`, the URL of a RabbitMQ node, messages wake the worker, and it polls the server
    only every `store_poll` seconds. `broker_prefix` is that of the servers. Needs the extra `rabbitmq`.
    """

    def __init__(
        self,
        server: str | None = None,
        token: str | None = None,
        *,
        threads: int = 1,
        processes: bool = False,
        name: str | None = None,
        version: str | None = None,
        labels: list[str] | None = None,
        drain: float = 20.0,
        broker: str | None = None,
        broker_prefix: str = "",
        store_poll: float = STORE_POLL,
    ) -> None:
        if threads < 1:
            raise ValueError("a worker needs at least one thread")
        if broker is not None:
            load_pika()
        self._broker = broker
        self._broker_prefix = broker_prefix
        self._store_poll = store_poll
        self._transport = Transport(server, token)
        self._threads = threads
        self._processes = processes
        self._drain = drain
        self._handlers: dict[str, Callable[[Context, Any], Any]] = {}
        self._keys: dict[str, str | None] = {}
        self._settings = Settings()
        self._info = {
            "workerId": str(uuid.uuid4()),
            "name": name or f"{socket.gethostname()}:{os.getpid()}",
            "language": "python",
            "version": version or platform.python_version(),
            "labels": labels or [],
        }
        self._stop = threading.Event()
        self._stop_now = threading.Event()
        self._releasing = threading.Event()
        self._abandon = threading.Event()
        self._lock = threading.Condition()
        self._leases: dict[Lease, threading.Thread] = {}
        #: Slots for which a claim is on its way.
        self._reserved = 0
        self._polling: Connection | None = None

    def job(self, job_id: str, *, routing_key: str | None = None) -> Callable[[H], H]:
        """Makes a function the handler of a job. A worker with a broker asks the server for the
        `routing_key`, unless it is named here. A token of the role `worker` may not ask."""

        def declare(handler: H) -> H:
            if job_id in self._handlers:
                raise ValueError(f"job `{job_id}` has a handler already")
            self._handlers[job_id] = handler
            self._keys[job_id] = routing_key
            return handler

        return declare

    def run(self, handle_signals: bool = True) -> None:
        """Works until it is stopped. The first SIGTERM or SIGINT lets running handlers end, for
        `drain` seconds at most; the second one gives their attempts back now. One more ends the
        worker without an answer of the server."""
        if not self._handlers:
            raise ValueError("the worker has no handler: declare one with `@worker.job(...)`")
        if handle_signals:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: self._on_signal())
        captured = AttemptHandler()
        logging.getLogger().addHandler(captured)
        supervisor = threading.Thread(target=self._supervise, name="jobs-supervisor", daemon=True)
        supervisor.start()
        consumer = self._start_consumer()
        try:
            self._poll_until_stopped()
        finally:
            if consumer is not None:
                consumer.stop()
                consumer.join(5.0)
                log.info("messages: %d claimed", consumer.claimed)
            self._end()
            logging.getLogger().removeHandler(captured)

    def stop(self, now: bool = False) -> None:
        """Stops to poll and lets running handlers end; `now` gives their attempts back. Once
        attempts are being given back, `now` stops to wait for the server."""
        self._stop.set()
        if now:
            if self._releasing.is_set():
                self._abandon.set()
            self._stop_now.set()
        polling = self._polling
        if polling is not None:
            polling.close()

    def _on_signal(self) -> None:
        self.stop(now=self._stop.is_set())

    # Polling.

    def _poll_until_stopped(self) -> None:
        pauses = Backoff()
        while not self._stop.is_set():
            free = self._wait_for_slots()
            if free == 0 or self._stop.is_set():
                continue
            if self._polling is None:
                self._polling = self._transport.connection()
            wait = POLL_WAIT if self._broker is None else 0.0
            try:
                self._lease(self._polling, {"max": min(free, 100)}, free, wait)
                pauses.reset()
            except (ServerUnavailable, ApiError) as error:
                if not self._stop.is_set():
                    log.warning("poll: %s", error)
                    self._stop.wait(pauses.pause(getattr(error, "retry_after", None)))
                continue
            if self._broker is not None:
                self._stop.wait(self._store_poll)

    def _wait_for_slots(self) -> int:
        """Reserves all free slots. Waits half a second for one at most."""
        with self._lock:
            if self._free() == 0:
                # Woken by an end of a handler; looks at `stop` twice a second.
                self._lock.wait(0.5)
            return self._reserve(self._threads)

    def _free(self) -> int:
        return self._threads - len(self._leases) - self._reserved

    def _reserve(self, most: int) -> int:
        free = min(self._free(), most)
        self._reserved += free
        return free

    def _lease(
        self, connection: Connection, wanted: dict[str, Any], reserved: int, wait: float
    ) -> None:
        """Asks for leases, and starts their attempts in the reserved slots."""
        body = {
            **self._info,
            "jobs": sorted(self._handlers),
            "waitMs": round(wait * 1000),
            **wanted,
        }
        try:
            answer = connection.request("POST", "/leases", body, wait)
            assert isinstance(answer, dict)
            self._settings.read(answer)
            for lease in answer["leases"]:
                reserved -= 1
                self._start(Lease(self._transport, lease, self._settings))
        finally:
            with self._lock:
                self._reserved -= reserved
                self._lock.notify_all()

    # Messages of a broker.

    def _start_consumer(self) -> Consumer | None:
        if self._broker is None:
            return None
        keys = RoutingKeys(self._transport, self._keys)
        claim = self._claimer()
        consumer = Consumer(self._broker, self._broker_prefix, keys, self._threads, claim)
        consumer.start()
        return consumer

    def _claimer(self) -> Claim:
        connection = self._transport.connection()

        def claim(ids: list[str]) -> int:
            with self._lock:
                free = self._reserve(len(ids))
            if free > 0:
                tried = list(dict.fromkeys(ids[:free]))
                wanted = {"executionIds": tried, "max": len(tried)}
                self._lease(connection, wanted, free, 0.0)
            return free

        return claim

    # Handlers.

    def _start(self, lease: Lease) -> None:
        name = f"attempt-{lease.attempt.fencing_token}"
        thread = threading.Thread(target=self._run, args=(lease,), name=name, daemon=True)
        with self._lock:
            self._leases[lease] = thread
            self._reserved -= 1
        thread.start()

    def _run(self, lease: Lease) -> None:
        try:
            lease.watch()
            self._end_lease(lease)
        except Exception:
            log.exception("end of %s", lease.attempt.fencing_token)
        finally:
            lease.ended.set()
            with self._lock:
                self._leases.pop(lease, None)
                self._lock.notify_all()

    def _end_lease(self, lease: Lease) -> None:
        try:
            result = self._call(lease)
        except BaseException as error:
            if lease.ended.is_set():
                return
            failure = failure_of(error)
            if lease.context.stop_reason == "shutdown" and is_cancelled(failure):
                return lease.release(self._settings.end_timeout)
            return lease.fail(failure)
        if not lease.ended.is_set():
            lease.succeed(result)

    def _call(self, lease: Lease) -> Any:
        handler = self._handlers[lease.attempt.job_id]
        if self._processes:
            result = _process.run(
                handler, lease.attempt, lease.payload, lease.context, lease.add_line
            )
        else:
            with captured_by(lease.add_line):
                result = handler(lease.context, lease.payload)
        return _jsonable(result)

    # Reports and heartbeats.

    def _supervise(self) -> None:
        while True:
            time.sleep(FLUSH)
            for lease in self._running():
                if not lease.ended.is_set():
                    self._flush(lease)

    def _flush(self, lease: Lease) -> None:
        try:
            lease.flush_if_due()
        except LeaseLost:
            pass
        except JobsError as error:
            log.debug("report of %s: %s", lease.attempt.fencing_token, error)
        except Exception:
            # One bad report must not end the reports of all attempts.
            log.exception("report of %s", lease.attempt.fencing_token)

    # The end of the worker.

    def _end(self) -> None:
        """Waits for handlers; then asks them to stop; then gives their attempts back."""
        self._stop.set()
        self._join(self._drain)
        for lease in self._running():
            lease.context._interrupt("shutdown")
        self._join(0.0 if self._stop_now.is_set() else min(3.0, self._drain))
        self._release_all()

    def _release_all(self) -> None:
        """Gives attempts back, all at a time. A lease is lost in the end, so no wait is longer."""
        self._releasing.set()
        seconds = min(max(self._drain, RELEASE), self._settings.lease)
        ends_at = time.monotonic() + seconds
        left = [lease for lease in self._running() if not lease.ended.is_set()]
        threads = [self._start_release(lease, seconds) for lease in left]
        while any(thread.is_alive() for thread in threads) and time.monotonic() < ends_at:
            time.sleep(0.02)
            if self._abandon.is_set():
                return

    def _start_release(self, lease: Lease, within: float) -> threading.Thread:
        thread = threading.Thread(target=self._release, args=(lease, within), daemon=True)
        thread.start()
        return thread

    def _release(self, lease: Lease, within: float) -> None:
        try:
            lease.release(within)
        except JobsError as error:
            log.warning("release of %s: %s", lease.attempt.fencing_token, error)

    def _running(self) -> list[Lease]:
        with self._lock:
            return list(self._leases)

    def _join(self, seconds: float) -> None:
        ends_at = time.monotonic() + seconds
        with self._lock:
            while self._leases and not self._stop_now.is_set():
                left = ends_at - time.monotonic()
                if left <= 0:
                    return
                self._lock.wait(min(left, 0.2))


def _jsonable(result: Any) -> Any:
    """A result as JSON: dataclasses become objects. Raises if JSON cannot express it."""
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        result = dataclasses.asdict(result)
    try:
        json.dumps(result, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise Permanent(f"the result is no JSON: {error}") from error
    return result
