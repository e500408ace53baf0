"""The worker against a server in memory. The kit's requirements are checked elsewhere."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

import pytest
from jobs_kit.playing_server import PlayingServer
from jobs_kit.requirement import wait_for
from working import executed, lease_of, raising, working

from jobs_client import (
    Cancelled,
    Context,
    InvalidPayload,
    Permanent,
    RateLimited,
    RetryIn,
    Snooze,
    Worker,
)

@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Permanent("no"), {"message": "no", "permanent": True}),
        (RetryIn(1.5, "soon"), {"message": "soon", "retryInMs": 1500}),
        (Snooze(60, "later"), {"message": "later", "snoozeMs": 60_000}),
        (RateLimited(2, "slow"), {"message": "slow", "rateLimitedMs": 2000}),
        (Cancelled("unwanted"), {"message": "unwanted", "kind": "cancelled"}),
        (InvalidPayload("old"), {"message": "old", "kind": "invalid_payload"}),
        (MemoryError("full"), {"message": "full", "kind": "panicked"}),
    ],
)
def test_errors_say_what_follows(
    server: PlayingServer, error: BaseException, expected: dict[str, Any]
) -> None:
    _, verb, body = executed(server, raising(error))
    assert (verb, body) == ("fail", expected)


def test_other_errors_name_their_type_and_place(server: PlayingServer) -> None:
    _, verb, body = executed(server, raising(KeyError("mesh")))
    assert verb == "fail"
    assert body["message"].startswith("KeyError: 'mesh'")
    assert "in handler" in body["message"]


def test_the_context_describes_the_attempt(server: PlayingServer) -> None:
    seen: list[Context] = []

    def handler(ctx: Context, payload: dict[str, Any]) -> dict[str, int]:
        seen.append(ctx)
        return {"doubled": 2 * payload["number"]}

    lease, verb, body = executed(server, handler)
    assert (verb, body) == ("succeed", {"result": {"doubled": 14}})
    ctx = seen[0]
    assert (ctx.execution_id, ctx.attempt, ctx.is_last_attempt) == (lease.execution_id, 3, False)
    assert ctx.fencing_token == f"{lease.execution_id}/3"
    assert ctx.deadline is not None
    assert (ctx.deadline.year, ctx.deadline.microsecond) == (2099, 500_000)


@dataclasses.dataclass
class Done:
    """A result with a type."""

    doubled: int


def typed(ctx: Context, payload: dict[str, Any]) -> Done:
    """A handler that a process of its own can import."""
    ctx.progress(40, "in a process")
    logging.getLogger("mesh").warning("seen from outside")
    return Done(2 * payload["number"])


def test_dataclasses_become_objects(server: PlayingServer) -> None:
    _, _, body = executed(server, typed)
    assert body == {"result": {"doubled": 14}}


@pytest.mark.parametrize("value", [{1, 2}, float("nan"), object()])
def test_a_result_that_is_no_json_fails_for_good(server: PlayingServer, value: object) -> None:
    _, verb, body = executed(server, lambda ctx, payload: value)
    assert (verb, body["permanent"]) == ("fail", True)


def test_logs_of_every_logger_of_the_thread_are_kept(server: PlayingServer) -> None:
    def handler(ctx: Context, payload: dict[str, Any]) -> dict[str, int]:
        ctx.log.info("reading %s", "a.stl", extra={"fields": {"bytes": 12}})
        try:
            raise OSError("gone")
        except OSError:
            logging.getLogger("mesh").exception("cannot read")
        return {"doubled": 1}

    lease, _, _ = executed(server, handler)
    first, second = lease.logs
    assert (first["message"], first["fields"], first["level"]) == ("reading a.stl", {"bytes": 12}, "info")
    assert (second["target"], second["level"]) == ("mesh", "error")
    assert "OSError: gone" in second["message"]


def test_a_handler_in_a_process_reports_and_returns(server: PlayingServer) -> None:
    lease, verb, body = executed(server, typed, processes=True)
    assert (verb, body) == ("succeed", {"result": {"doubled": 14}})
    assert (40, "in a process") in [(percent, text) for percent, text in lease.progress]
    assert [line["message"] for line in lease.logs] == ["seen from outside"]


def test_a_stop_gives_attempts_back(server: PlayingServer) -> None:
    def handler(ctx: Context, payload: dict[str, Any]) -> None:
        ctx.sleep(60)

    with working(server, handler, drain=0.1):
        lease = lease_of(server, server.enqueue("x"))
    verb, _ = wait_for("the end", lambda: lease.end)
    assert verb == "release"


def test_a_job_has_one_handler_and_a_worker_at_least_one(server: PlayingServer) -> None:
    worker = Worker(server.url)
    with pytest.raises(ValueError, match="no handler"):
        worker.run()
    worker.job("kit.work")(typed)
    with pytest.raises(ValueError, match="already"):
        worker.job("kit.work")(typed)
    with pytest.raises(ValueError, match="no URL"):
        Worker("localhost:8091")
