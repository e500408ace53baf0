"""The worker in trouble: reports that are no JSON, rejections, servers that fall silent."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from jobs_kit.playing_server import Lease, Request
from jobs_kit.requirement import wait_for
from strict_server import StrictServer
from working import executed, lease_of, raising, working

from jobs_client import Context, Permanent, RetryIn, Snooze, Worker
from jobs_client._lease import Lease as HeldLease

DONE = {"doubled": 14}
MIB = 1024 * 1024


def beats(strict: StrictServer, lease: Lease) -> list[Request]:
    """The heartbeats of the watcher of a lease: those that wait."""
    return [beat for beat in strict.of("heartbeat", lease.token) if beat.body["waitMs"] > 0]


def messages(lease: Lease) -> list[str]:
    """The log of an attempt."""
    return [line["message"] for line in lease.logs]


# Reports that are no JSON.


def test_fields_that_are_no_json_become_texts(strict: StrictServer) -> None:
    id = uuid.uuid4()
    loop: list[Any] = []
    loop.append(loop)
    logged: dict[str, Any] = {
        "path": Path("/tmp/a.stl"),
        "at": datetime(2030, 1, 31, tzinfo=timezone.utc),
        "id": id,
        "price": Decimal("1.50"),
        "ratio": float("nan"),
        "loop": loop,
        "name": "a\ud800",
        "nested": {"keys": [1, None, True, "é"]},
    }

    def handler(ctx: Context, payload: dict[str, Any]) -> dict[str, int]:
        ctx.log.info("fields", extra={"fields": logged})
        logged["path"] = "changed later"
        ctx.sleep(0.5)
        ctx.log.info("later")
        return DONE

    lease, verb, _ = executed(strict, handler)
    assert (verb, messages(lease)) == ("succeed", ["fields", "later"])
    assert lease.logs[0]["fields"] == {
        "path": "/tmp/a.stl",
        "at": "2030-01-31 00:00:00+00:00",
        "id": str(id),
        "price": "1.50",
        "ratio": "nan",
        "loop": "[[...]]",
        "name": "a?",
        "nested": {"keys": [1, None, True, "é"]},
    }


def test_a_bug_in_a_report_ends_no_reports(
    strict: StrictServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every kind of heartbeat fails once: that of the supervisor and that of the watcher."""
    sent = HeldLease._heartbeat
    failed: set[bool] = set()

    def heartbeat(self: HeldLease, body: dict[str, Any], wait: float) -> None:
        kind = wait > 0
        if kind not in failed:
            failed.add(kind)
            raise TypeError("a bug")
        sent(self, body, wait)

    def handler(ctx: Context, payload: dict[str, Any]) -> dict[str, int]:
        ctx.log.info("first")
        wait_for("both reports", lambda: len(failed) == 2)
        ctx.sleep(1.5)
        return DONE

    monkeypatch.setattr(HeldLease, "_heartbeat", heartbeat)
    with working(strict, handler):
        lease = lease_of(strict, strict.enqueue("x"))
        wait_for("a line before the end", lambda: messages(lease) == ["first"])
        wait_for("a heartbeat", lambda: beats(strict, lease))
        assert lease.end is None
        assert wait_for("the end", lambda: lease.end) == ("succeed", {"result": DONE})


def test_a_bug_in_the_last_report_keeps_no_attempt_from_its_end(
    strict: StrictServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flush(self: HeldLease) -> None:
        raise TypeError("a bug")

    monkeypatch.setattr(HeldLease, "flush", flush)
    _, verb, body = executed(strict, lambda ctx, payload: DONE)
    assert (verb, body) == ("succeed", {"result": DONE})


# Failures that a server rejects.


@pytest.mark.parametrize("message", ["x" * 3 * MIB, "é" * 2 * MIB, "a\ud800b"])
def test_a_permanent_failure_arrives_whatever_its_message(
    strict: StrictServer, message: str
) -> None:
    _, verb, body = executed(strict, raising(Permanent(message)))
    assert (verb, body["permanent"]) == ("fail", True)
    assert body["message"][0] == message[0]
    assert len(body["message"].encode()) <= 16 * 1024


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_rejected_failure_keeps_its_kind(strict: StrictServer, status: int) -> None:
    strict.faults["fail"] = [status]
    _, verb, body = executed(strict, raising(Permanent("unwanted words")))
    assert (verb, body["permanent"]) == ("fail", True)
    assert body["message"] == f"the server rejected the message of this failure: {status}"


class Unprintable(Permanent):
    """An error whose message raises."""

    def __str__(self) -> str:
        raise ValueError("no message")


class WithoutBase(RetryIn):
    """An error that does not call the `__init__` of its base."""

    def __init__(self) -> None:
        pass


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Unprintable("x"), {"message": "Unprintable", "permanent": True}),
        (WithoutBase(), {"message": "WithoutBase", "retryInMs": 0}),
        (RetryIn(-1, "now"), {"message": "now", "retryInMs": 0}),
        (Snooze(float("nan"), "never"), {"message": "never", "snoozeMs": 0}),
        (Snooze("5", "text"), {"message": "Snooze: text"}),  # type: ignore[arg-type]
    ],
)
def test_strange_errors_are_told_as_well(
    strict: StrictServer, error: BaseException, expected: dict[str, Any]
) -> None:
    _, verb, body = executed(strict, raising(error))
    assert (verb, body) == ("fail", expected)


# Servers that fall silent.


def test_a_heartbeat_without_an_answer_is_sent_again_within_the_lease(strict: StrictServer) -> None:
    silent: list[Request] = []

    def is_silent_for(request: Request) -> bool:
        if request.verb != "heartbeat" or silent:
            return False
        silent.append(request)
        return True

    strict.is_silent_for = is_silent_for
    with working(strict, lambda ctx, payload: ctx.sleep(60), drain=0.1):
        lease = lease_of(strict, strict.enqueue("x"))
        second = wait_for("a second heartbeat", lambda: beats(strict, lease)[1:])[0]
        first = beats(strict, lease)[0]
        assert first is silent[0]
        # The lease has three seconds, and the wait is one.
        assert second.at - first.at < 2.7


def test_a_report_without_an_answer_delays_no_heartbeat_of_others(strict: StrictServer) -> None:
    """Reports of the first attempt get no answer; the second one starts meanwhile."""
    strict.is_silent_for = lambda request: bool(request.body.get("logs"))

    def handler(ctx: Context, payload: dict[str, Any]) -> None:
        if payload["number"] == 1:
            ctx.log.info("into the void")
        ctx.sleep(60)

    with working(strict, handler, threads=2, drain=0.1):
        lease_of(strict, strict.enqueue("x", 1))
        wait_for("the report", lambda: any(one.body.get("logs") for one in strict.of("heartbeat")))
        lease = lease_of(strict, strict.enqueue("x", 2))
        first = wait_for("a heartbeat", lambda: beats(strict, lease))[0]
        assert first.at - lease.granted_at < 2


# Reports that a server rejects.


def test_many_long_lines_are_sent_in_parts(strict: StrictServer) -> None:
    def handler(ctx: Context, payload: dict[str, Any]) -> dict[str, int]:
        for number in range(400):
            ctx.log.info("%d %s", number, "x" * 15_000)
        ctx.log.info("y" * 3 * MIB)
        ctx.log.info("a\ud800b")
        return DONE

    lease, verb, _ = executed(strict, handler)
    assert verb == "succeed"
    assert len(lease.logs) == 402
    assert messages(lease)[401] == "a?b"
    assert len(lease.logs[400]["message"].encode()) == 16 * 1024
    # A heartbeat that waited for longer than the attempt is a 409.
    assert not [one for one in strict.of("heartbeat") if one.status in (400, 413)]


def test_a_rejected_line_costs_neither_progress_nor_other_lines(
    strict: StrictServer, caplog: pytest.LogCaptureFixture
) -> None:
    def is_wrong(request: Request) -> bool:
        return any(line["message"] == "wrong" for line in request.body.get("logs") or [])

    strict.is_wrong = is_wrong
    expected = [f"line {number}" for number in range(100) if number not in (30, 70)]

    def handler(ctx: Context, payload: dict[str, Any]) -> dict[str, int]:
        ctx.progress(40, "logging")
        for number in range(100):
            ctx.log.info("wrong" if number in (30, 70) else f"line {number}")
        ctx.sleep(2)
        ctx.progress(80)
        ctx.log.info("late")
        return DONE

    with working(strict, handler), caplog.at_level(logging.WARNING, "jobs_client"):
        lease = lease_of(strict, strict.enqueue("x"))
        wait_for("the good lines, before the end", lambda: messages(lease) == expected)
        assert lease.progress == [(40, "logging")]
        wait_for("the end", lambda: lease.end)
    assert messages(lease) == [*expected, "late"]
    assert lease.progress[-1] == (80, None)
    # Each bad line is found by halves, and never sent again.
    assert len([one for one in strict.of("heartbeat") if one.status == 400]) <= 2 * 8
    said = [record.message for record in caplog.records if "rejected" in record.message]
    assert len(said) == 2
    assert said[0].startswith("a log line of ")
    assert said[1].startswith("2 log lines of ")


def test_rejected_progress_costs_no_lines(strict: StrictServer) -> None:
    strict.is_wrong = lambda request: "progress" in request.body

    def handler(ctx: Context, payload: dict[str, Any]) -> dict[str, int]:
        ctx.progress(10)
        ctx.log.info("one")
        return DONE

    lease, verb, _ = executed(strict, handler)
    assert (verb, messages(lease)) == ("succeed", ["one"])


def test_progress_is_always_json(strict: StrictServer) -> None:
    def handler(ctx: Context, payload: dict[str, Any]) -> dict[str, int]:
        ctx.progress(float("nan"), "é" * MIB + "\ud800")
        return DONE

    lease, _, _ = executed(strict, handler)
    [(percent, message)] = lease.progress
    assert percent is None
    assert len(message.encode()) <= 1024


# Errors of processes.


class TwoParts(Permanent):
    """Pickles, and cannot be unpickled: `__init__` has two arguments."""

    def __init__(self, part: str, reason: str) -> None:
        super().__init__(f"{part}: {reason}")


class LaterInTwoParts(Snooze):
    """The same with a delay."""

    def __init__(self, part: str, seconds: float) -> None:
        super().__init__(seconds, f"{part} is busy")


class PlainInTwoParts(Exception):
    """The same, of no kind."""

    def __init__(self, part: str, reason: str) -> None:
        super().__init__(f"{part}: {reason}")


def fails_in_two_parts(ctx: Context, payload: dict[str, Any]) -> None:
    """A handler that a process of its own can import."""
    if payload["number"] == 1:
        raise TwoParts("mesh", "empty")
    if payload["number"] == 2:
        raise LaterInTwoParts("mesh", 5)
    if payload["number"] == 3:
        raise PlainInTwoParts("mesh", "empty")
    raise FileNotFoundError("a.stl")


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (1, {"message": "mesh: empty", "permanent": True}),
        (2, {"message": "mesh is busy", "snoozeMs": 5000}),
        (3, {"message": "PlainInTwoParts: mesh: empty"}),
        # No error of the pipe to the process.
        (4, {"message": "FileNotFoundError: a.stl"}),
    ],
)
def test_errors_of_processes_keep_their_kind(
    strict: StrictServer, number: int, expected: dict[str, Any]
) -> None:
    with working(strict, fails_in_two_parts, processes=True):
        lease = lease_of(strict, strict.enqueue("x", number))
        verb, body = wait_for("the end", lambda: lease.end)
    if number >= 3:
        body["message"], _, trace = body["message"].partition("\n")
        assert "in fails_in_two_parts" in trace
    assert (verb, body) == ("fail", expected)


# The end of a worker whose server is away.


def block(ctx: Context, payload: dict[str, Any]) -> None:
    """A handler that looks at no interrupt."""
    threading.Event().wait(60)


def test_attempts_are_given_back_at_the_same_time(strict: StrictServer) -> None:
    worker = Worker(strict.url, threads=4, drain=0.1)
    worker.job("kit.work")(block)
    thread = threading.Thread(target=worker.run, args=(False,), daemon=True)
    thread.start()
    for number in range(4):
        lease_of(strict, strict.enqueue("x", number))
    strict.stop()
    worker.stop()
    # A lease has three seconds.
    thread.join(8)
    assert not thread.is_alive()


def test_a_further_stop_waits_for_no_server() -> None:
    server = StrictServer(heartbeat=10.0)
    with working(server, block, drain=20.0) as worker:
        lease_of(server, server.enqueue("x"))
        server.stop()
        worker.stop(now=True)
        wait_for("the release", lambda: worker._releasing.is_set())
        began = time.monotonic()
    # Left by another `stop(now=True)`, as by one more signal.
    assert time.monotonic() - began < 3
