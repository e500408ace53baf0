"""HTTP requests: one connection per thread, JSON, problems as exceptions."""

from __future__ import annotations

import http.client
import json
import os
import random
import socket
import threading
from typing import Any
from urllib.parse import urlsplit

from .errors import ApiError, LeaseLost, ServerUnavailable

PREFIX = "/api/v1/workers"
DEFAULT_SERVER = "http://127.0.0.1:8091"

#: The longest wait for an answer, in seconds, beside the wait that a request asks for.
TIMEOUT = 30.0


class Connection:
    """One connection to a server. Used by one thread; `close` may be called by another."""

    def __init__(self, server: str, token: str | None) -> None:
        parts = urlsplit(server)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"`{server}` is no URL of a server, like {DEFAULT_SERVER}")
        self._https = parts.scheme == "https"
        self._host = parts.hostname
        self._port = parts.port
        self._prefix = parts.path.rstrip("/") + PREFIX
        self._token = token
        self._http: http.client.HTTPConnection | None = None
        self._closed = False

    def request(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        wait: float = 0.0,
        timeout: float = TIMEOUT,
    ) -> Any:
        """Sends a request and returns the JSON of its answer. A request on a connection that the
        server has closed meanwhile is sent again once: every request of this package may be
        repeated. The answer may take `timeout` seconds beside the `wait` that the body asks for."""
        is_fresh = self._http is None
        try:
            return self._send(method, path, body, wait, timeout)
        except (http.client.HTTPException, OSError) as error:
            self._drop()
            if is_fresh or self._closed or isinstance(error, socket.timeout):
                raise ServerUnavailable(f"{self._host}: {error!r}") from error
        try:
            return self._send(method, path, body, wait, timeout)
        except (http.client.HTTPException, OSError) as error:
            self._drop()
            raise ServerUnavailable(f"{self._host}: {error!r}") from error

    def _send(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None,
        wait: float,
        timeout: float,
    ) -> Any:
        if self._closed:
            raise ServerUnavailable("the connection was closed here")
        connection = self._http
        if connection is None:
            kind = http.client.HTTPSConnection if self._https else http.client.HTTPConnection
            connection = kind(self._host, self._port, timeout=timeout)
            connection.connect()
            self._http = connection
        if connection.sock is not None:
            connection.sock.settimeout(timeout + wait)
        sent = {"Accept": "application/json"}
        if self._token:
            sent["Authorization"] = f"Bearer {self._token}"
        data = None
        if method != "GET":
            sent["Content-Type"] = "application/json"
            data = json.dumps(body or {}).encode()
        connection.request(method, self._prefix + path, body=data, headers=sent)
        answer = connection.getresponse()
        text = answer.read()
        if answer.will_close:
            self._drop()
        return _read(answer, text)

    def close(self) -> None:
        """Ends the connection, and a request that another thread waits for."""
        self._closed = True
        connection = self._http
        sock = connection.sock if connection is not None else None
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _drop(self) -> None:
        connection, self._http = self._http, None
        if connection is not None:
            connection.close()


def _read(answer: http.client.HTTPResponse, text: bytes) -> Any:
    try:
        content = json.loads(text) if text else None
    except ValueError:
        content = None
    if 200 <= answer.status < 300:
        return content
    problem = content if isinstance(content, dict) else {"detail": text[:200].decode("utf-8", "replace")}
    retry_after = answer.getheader("Retry-After")
    seconds = float(retry_after) if retry_after and retry_after.isdigit() else None
    kind = LeaseLost if problem.get("code") == "lease_lost" else ApiError
    raise kind(answer.status, problem, seconds)


class Transport:
    """The server and the token, with a connection per thread."""

    def __init__(self, server: str | None = None, token: str | None = None) -> None:
        self._server = server or os.environ.get("JOBS_SERVER") or DEFAULT_SERVER
        self._token = token or os.environ.get("JOBS_TOKEN")
        self._local = threading.local()
        # Fails now if the URL is wrong.
        self.connection()

    def connection(self) -> Connection:
        """A new connection."""
        return Connection(self._server, self._token)

    def request(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        wait: float = 0.0,
        timeout: float = TIMEOUT,
    ) -> Any:
        """Sends a request on the connection of this thread."""
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self.connection()
        return connection.request(method, path, body, wait, timeout)


class Backoff:
    """Growing pauses between tries, with jitter: 0.25 s to 10 s."""

    def __init__(self, first: float = 0.25, longest: float = 10.0) -> None:
        self._first = first
        self._longest = longest
        self._next = first

    def pause(self, at_least: float | None = None) -> float:
        """The next pause in seconds."""
        pause = self._next * random.uniform(0.5, 1.0)
        self._next = min(self._next * 2, self._longest)
        return max(pause, at_least or 0.0)

    def reset(self) -> None:
        """The last try has succeeded."""
        self._next = self._first
