"""A server that plays the lease protocol from a script, and records every request."""

from __future__ import annotations

import json
import threading
import time
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PREFIX = "/api/v1/workers"
JOB = "kit.work"


@dataclass
class Request:
    """A request of the worker under test."""

    at: float
    verb: str
    token: str | None
    body: dict[str, Any]
    headers: dict[str, str]
    #: The status that was answered; 0 while it waits.
    status: int = 0


@dataclass
class Lease:
    """A lease that was given to the worker under test."""

    token: str
    execution_id: str
    granted_at: float
    interrupt: str | None = None
    #: The end of the attempt, as `(verb, body)`.
    end: tuple[str, dict[str, Any]] | None = None
    is_lost: bool = False
    progress: list[tuple[Any, Any]] = field(default_factory=list)
    logs: list[dict[str, Any]] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """True while the worker may write."""
        return self.end is None and not self.is_lost


class PlayingServer:
    """A server in memory, for one worker. Checks change its script from outside."""

    def __init__(self, heartbeat: float = 1.0) -> None:
        self.heartbeat = heartbeat
        self.lock = threading.Condition()
        self.requests: list[Request] = []
        self.leases: list[Lease] = []
        self._queued: list[dict[str, Any]] = []
        #: Answers to the next requests of a verb, instead of the played ones: a status, or `drop`.
        self.faults: dict[str, list[int | str]] = {}
        #: True: members that the protocol does not have are added to every answer.
        self.adds_members = False
        self._http: ThreadingHTTPServer | None = None
        self.port = 0
        self.start()

    # Start and stop.

    def start(self) -> None:
        """Listens; at the same port as before."""
        server = self

        class Handler(_Handler):
            playing = server

        self._http = _Listener(("127.0.0.1", self.port), Handler)
        self.port = self._http.server_port
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Ends every connection and stops to listen."""
        http, self._http = self._http, None
        if http is not None:
            http.shutdown()
            http.server_close()

    @property
    def is_running(self) -> bool:
        """False between a stop and the next start."""
        return self._http is not None

    @property
    def url(self) -> str:
        """The URL for the worker."""
        return f"http://127.0.0.1:{self.port}"

    # What checks do.

    def enqueue(self, mode: str, number: int = 1) -> str:
        """Adds an execution of the kit's job and returns its id."""
        id = str(uuid.uuid4())
        with self.lock:
            self._queued.append({"id": id, "payload": {"mode": mode, "number": number}})
            self.lock.notify_all()
        return id

    def of(self, verb: str, token: str | None = None) -> list[Request]:
        """The requests of a verb so far, of one lease or of all."""
        with self.lock:
            named = [one for one in self.requests if one.verb == verb]
            return [one for one in named if token is None or one.token == token]

    def lease_of(self, execution_id: str) -> Lease | None:
        """The last lease of an execution."""
        with self.lock:
            found = [one for one in self.leases if one.execution_id == execution_id]
            return found[-1] if found else None

    def interrupt(self, lease: Lease, reason: str) -> None:
        """Asks the worker to end an attempt."""
        with self.lock:
            lease.interrupt = reason
            self.lock.notify_all()

    def lose(self, lease: Lease) -> None:
        """Ends a lease."""
        with self.lock:
            lease.is_lost = True
            self.lock.notify_all()

    # The protocol.

    def play(self, request: Request) -> tuple[int, dict[str, Any]] | None:
        """Answers a request; None drops the connection."""
        with self.lock:
            self.requests.append(request)
            faults = self.faults.get(request.verb)
            fault = faults.pop(0) if faults else None
        if fault == "drop":
            # The request takes effect, and its answer is lost.
            self._answer(request)
            return None
        if isinstance(fault, int):
            return fault, {"code": "kit", "detail": "a fault of the kit"}
        return self._answer(request)

    def _answer(self, request: Request) -> tuple[int, dict[str, Any]]:
        if request.verb == "poll":
            return self._poll(request)
        with self.lock:
            lease = next((one for one in self.leases if one.token == request.token), None)
        if lease is None:
            return 409, {"code": "lease_lost", "reason": "unknown", "detail": "no such lease"}
        if request.verb == "heartbeat":
            return self._heartbeat(lease, request)
        return self._end(lease, request)

    def _poll(self, request: Request) -> tuple[int, dict[str, Any]]:
        ends_at = time.monotonic() + min(request.body.get("waitMs", 0) / 1000, 5.0)
        with self.lock:
            while not self._queued and time.monotonic() < ends_at and self.is_running:
                self.lock.wait(0.1)
            most = request.body.get("max", 1)
            granted, self._queued = self._queued[:most], self._queued[most:]
            leases = [self._grant(execution) for execution in granted]
        beat = round(self.heartbeat * 1000)
        return 200, {"leases": leases, "leaseMs": 3 * beat, "heartbeatMs": beat}

    def _grant(self, execution: dict[str, Any]) -> dict[str, Any]:
        lease = Lease(uuid.uuid4().hex, execution["id"], time.monotonic())
        self.leases.append(lease)
        return {
            "token": lease.token,
            "executionId": execution["id"],
            "jobId": JOB,
            "queue": "default",
            "attempt": 3,
            "isLastAttempt": False,
            "fencingToken": f"{execution['id']}/3",
            "payload": execution["payload"],
            "correlationId": None,
            "timeoutMs": 120_000,
            "deadline": "2099-01-31T12:00:00.5Z",
        }

    def _heartbeat(self, lease: Lease, request: Request) -> tuple[int, dict[str, Any]]:
        body = request.body
        ends_at = time.monotonic() + min(body.get("waitMs", 0) / 1000, 5.0)
        with self.lock:
            if not lease.holds:
                return _lost(lease)
            if body.get("progress") is not None or body.get("message") is not None:
                lease.progress.append((body.get("progress"), body.get("message")))
            known = {line["line"] for line in lease.logs}
            lease.logs += [line for line in body.get("logs") or [] if line["line"] not in known]
            while lease.holds and lease.interrupt is None and self.is_running:
                left = ends_at - time.monotonic()
                if left <= 0:
                    break
                self.lock.wait(min(left, 0.1))
            if not lease.holds:
                return _lost(lease)
            grace = 5_000 if lease.interrupt else None
            return 200, {"interrupt": lease.interrupt, "graceMs": grace, "deadline": None}

    def _end(self, lease: Lease, request: Request) -> tuple[int, dict[str, Any]]:
        end = (request.verb, request.body)
        with self.lock:
            if lease.is_lost or (lease.end is not None and lease.end != end):
                return _lost(lease)
            if request.verb == "succeed" and not _is_valid(request.body.get("result")):
                pointer = {"pointer": "/doubled", "message": "must be an integer"}
                detail = "the result does not match the schema"
                return 422, {"code": "invalid_result", "detail": detail, "violations": [pointer]}
            lease.end = end
            self.lock.notify_all()
            return 200, {"executionId": lease.execution_id}


def _lost(lease: Lease) -> tuple[int, dict[str, Any]]:
    reason = "settled" if lease.end else "lost"
    return 409, {"code": "lease_lost", "reason": reason, "detail": "the lease does not hold"}


def _is_valid(result: Any) -> bool:
    return isinstance(result, dict) and isinstance(result.get("doubled"), int)


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._open: set[Any] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Keeps the connection, so that a stop can end it."""
        self._open.add(request)
        super().process_request(request, client_address)

    def server_close(self) -> None:
        """Ends the connections as well."""
        super().server_close()
        for connection in list(self._open):
            try:
                connection.shutdown(2)
            except OSError:
                pass

    def shutdown_request(self, request: Any) -> None:
        """Forgets a connection that has ended."""
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Workers may end connections at any time."""


class _Handler(BaseHTTPRequestHandler):
    playing: PlayingServer
    protocol_version = "HTTP/1.1"
    # Head and body leave in one packet.
    wbufsize = -1

    def do_POST(self) -> None:
        """Plays a request."""
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        token, verb = self._route()
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(time.monotonic(), verb, token, body, headers)
        answer = self.playing.play(request)
        if answer is None or not self.playing.is_running:
            self.close_connection = True
            return
        status, content = answer
        request.status = status
        if self.playing.adds_members and status == 200:
            content = {**content, "addedLater": {"x": 1}}
            if "leases" in content:
                content["leases"] = [{**one, "addedLater": 1} for one in content["leases"]]
        text = json.dumps(content).encode()
        self.send_response(status)
        kind = "application/json" if status < 400 else "application/problem+json"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        if status == 429:
            self.send_header("Retry-After", "2")
        self.end_headers()
        self.wfile.write(text)

    def _route(self) -> tuple[str | None, str]:
        parts = self.path.removeprefix(PREFIX).strip("/").split("/")
        if parts == ["leases"]:
            return None, "poll"
        if len(parts) == 3 and parts[0] == "leases":
            return parts[1], parts[2]
        return None, self.path

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""
