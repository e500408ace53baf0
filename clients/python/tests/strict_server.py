"""A playing server that rejects what a real one rejects, and that can fall silent."""

from __future__ import annotations

import json
import threading
from typing import Any, Callable

from jobs_kit.playing_server import PlayingServer, Request

#: The largest body, in bytes.
MAX_BODY = 2 * 1024 * 1024


class StrictServer(PlayingServer):
    """Rejects large bodies, lone surrogates and NaN. Leaves chosen requests without an answer."""

    def __init__(self, heartbeat: float = 0.5) -> None:
        #: True for a request that gets no answer, as from a server that has died.
        self.is_silent_for: Callable[[Request], bool] = lambda request: False
        #: True for a request that breaks a rule.
        self.is_wrong: Callable[[Request], bool] = lambda request: False
        self._released = threading.Event()
        super().__init__(heartbeat)

    def stop(self) -> None:
        """Ends the silence as well."""
        self._released.set()
        super().stop()

    def play(self, request: Request) -> tuple[int, dict[str, Any]] | None:
        """Answers a request."""
        status = 400 if self.is_wrong(request) else _status(request.body)
        if status != 200:
            with self.lock:
                self.requests.append(request)
            return status, {"code": "invalid_request", "detail": "a rule of the test"}
        if self.is_silent_for(request):
            with self.lock:
                self.requests.append(request)
            self._released.wait(60)
            return None
        return super().play(request)


def _status(body: dict[str, Any]) -> int:
    try:
        text = json.dumps(body, allow_nan=False)
        json.dumps(body, ensure_ascii=False).encode()
    except ValueError:
        return 400
    return 413 if len(text) > MAX_BODY else 200
