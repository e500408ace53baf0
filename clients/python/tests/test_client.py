"""The client against a server that answers from a list."""

from __future__ import annotations

import json
import threading
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Iterator

import pytest

from jobs_client import ApiError, Client, ExecutionFailed

TRIGGERED = {"executionId": "e-1", "jobId": "greet", "status": "queued", "triggered": True}


class Scripted:
    """A server with one answer per request."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, Any]]] = []
        self.requests: list[tuple[str, str, Any, str | None]] = []
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                """Answers a read."""
                self.answer(None)

            def do_POST(self) -> None:
                """Answers a write."""
                length = int(self.headers["Content-Length"])
                self.answer(json.loads(self.rfile.read(length)))

            def answer(self, body: Any) -> None:
                """Takes the next answer."""
                token = self.headers["Authorization"]
                scripted.requests.append((self.command, self.path, body, token))
                status, content = scripted.answers.pop(0)
                text = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *args: Any) -> None:
                """Silent."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()
        self.client = Client(f"http://127.0.0.1:{self.http.server_port}", token="secret")


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    """A server and its client."""
    server = Scripted()
    yield server
    server.http.shutdown()


def execution(status: str, **more: Any) -> tuple[int, dict[str, Any]]:
    """An answer with an execution."""
    return 200, {"id": "e-1", "status": status, **more}


def test_a_trigger_carries_its_options_and_the_token(scripted: Scripted) -> None:
    scripted.answers = [(202, TRIGGERED)]
    at = datetime(2030, 1, 31, 12, tzinfo=timezone(timedelta(hours=1)))
    found = scripted.client.trigger(
        "greet", {"name": "Ada"}, priority="high", run_at=at, item_id="i", idempotency_key="k"
    )
    assert (found.id, found.triggered) == ("e-1", True)
    method, path, body, token = scripted.requests[0]
    assert (method, path, token) == ("POST", "/api/v1/workers/jobs/greet/trigger", "Bearer secret")
    assert body == {
        "payload": {"name": "Ada"},
        "priority": "high",
        "runAt": "2030-01-31T12:00:00+01:00",
        "itemId": "i",
        "idempotencyKey": "k",
    }
    with pytest.raises(ValueError, match="time zone"):
        scripted.client.trigger("greet", run_at=datetime(2030, 1, 31))


def test_a_trigger_is_repeated_with_the_same_key(scripted: Scripted) -> None:
    scripted.answers = [(503, {"code": "store_unavailable"}), (200, {**TRIGGERED, "triggered": False})]
    found = scripted.client.trigger("greet", delay=1.5)
    first, second = (body for _, _, body, _ in scripted.requests)
    assert first == second
    assert first["delayMs"] == 1500
    # The replay is the answer to this trigger.
    assert found.triggered


def test_a_rejected_trigger_names_the_mistakes(scripted: Scripted) -> None:
    violations = [{"pointer": "/name", "message": "is required"}]
    problem = {"code": "invalid_payload", "detail": "1 mistake", "violations": violations}
    scripted.answers = [(422, problem)]
    with pytest.raises(ApiError, match="/name is required") as caught:
        scripted.client.trigger("greet")
    assert (caught.value.status, caught.value.code) == (422, "invalid_payload")


def test_a_result_is_waited_for(scripted: Scripted) -> None:
    scripted.answers = [execution("queued"), execution("running"), execution("succeeded", result=7)]
    assert scripted.client.result("e-1", timeout=30) == 7
    assert len(scripted.requests) == 3


def test_a_result_that_is_not_there_is_an_error(scripted: Scripted) -> None:
    scripted.answers = [execution("running")]
    with pytest.raises(TimeoutError, match="running"):
        scripted.client.result("e-1", wait=False)
    scripted.answers = [execution("failed", error={"kind": "permanent", "message": "no use"})]
    with pytest.raises(ExecutionFailed, match="no use") as caught:
        scripted.client.result("e-1")
    assert (caught.value.status, caught.value.kind) == ("failed", "permanent")
