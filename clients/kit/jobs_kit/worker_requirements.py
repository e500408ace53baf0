"""Requirements of a worker. The kit plays the server.

The worker under test is a command. It executes the job `kit.work`, two attempts at a time, on the
server of `JOBS_SERVER`, with the token of `JOBS_TOKEN`. The payload's `mode` says what its handler
does:

| mode | the handler |
|---|---|
| `echo` | returns `{"doubled": 2 * number, "attempt": the attempt's number}` |
| `progress` | reports 25 "quarter"; half a second later 75; half a second later as `echo` |
| `log` | logs `one` at info, `two` at warn and `three` at error, then as `echo` |
| `wait` | waits until it is asked to stop, and then fails or raises |
| `deaf` | works for two seconds whatever happens, then as `echo` |
| `error` | fails with the message `kit error` |
| `permanent` | fails for good |
| `snooze` | asks to run again in 60 s |
| `wrong` | returns `{"doubled": "two"}`, which breaks the result schema |
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from typing import Any, Callable, Iterator

from .playing_server import JOB, Lease, PlayingServer
from .requirement import PATIENCE, NotMet, Requirement, expect, wait_for

TOKEN = "kit-token"
SLOTS = 2


class Played:
    """A worker under test, its server, and waits for what it does."""

    def __init__(self, server: PlayingServer, process: subprocess.Popen[bytes]) -> None:
        self.server = server
        self.process = process

    def lease(self, mode: str, number: int = 1) -> Lease:
        """Enqueues an execution and waits until the worker has its lease."""
        execution = self.server.enqueue(mode, number)
        return wait_for(f"a lease of mode `{mode}`", lambda: self.server.lease_of(execution))

    def ended(self, lease: Lease) -> tuple[str, dict[str, Any]]:
        """Waits for the end of a lease."""
        return wait_for("the end of the attempt", lambda: lease.end)

    def execute(self, mode: str, number: int = 1) -> tuple[str, dict[str, Any]]:
        """Lets the worker execute something, and returns the end."""
        return self.ended(self.lease(mode, number))


@contextmanager
def played(command: list[str]) -> Iterator[Played]:
    """Starts a worker against a server of its own; kills it at the end."""
    server = PlayingServer()
    environment = {**os.environ, "JOBS_SERVER": server.url, "JOBS_TOKEN": TOKEN}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            yield Played(server, process)
        except NotMet as reason:
            log.seek(0)
            said = log.read()[-1_000:].decode("utf-8", "replace").strip().replace("\n", " | ")
            raise NotMet(f"{reason}; the worker said: {said or 'nothing'}") from None
        finally:
            process.kill()
            process.wait()
            server.stop()


Check = Callable[[Played], None]
CHECKS: list[tuple[str, str, Check]] = []


def requires(promise: str) -> Callable[[Check], Check]:
    """Adds a check to the list, under the name of its function."""

    def add(check: Check) -> Check:
        CHECKS.append((check.__name__, promise, check))
        return check

    return add


def requirements(command: list[str]) -> list[Requirement]:
    """The requirements, for a worker that this command starts."""

    def bound(check: Check) -> Callable[[], None]:
        def run() -> None:
            with played(command) as one:
                check(one)

        return run

    return [Requirement(name, promise, bound(check)) for name, promise, check in CHECKS]


@requires("It polls for its jobs, with an id of its own and its language.")
def polls_for_its_jobs(one: Played) -> None:
    poll = wait_for("a poll", lambda: one.server.of("poll"))[0]
    expect(poll.body.get("jobs") == [JOB], f"`jobs` is {poll.body.get('jobs')}")
    expect(poll.body.get("workerId"), "the poll has no `workerId`")
    expect(poll.body.get("language"), "the poll has no `language`")


@requires("It sends JSON as `application/json`, and its token with every request.")
def sends_json_and_its_token(one: Played) -> None:
    one.execute("echo")
    for request in list(one.server.requests):
        kind = request.headers.get("content-type", "")
        expect(kind.startswith("application/json"), f"{request.verb} has content type {kind!r}")
        sent = request.headers.get("authorization")
        expect(sent == f"Bearer {TOKEN}", f"{request.verb} has authorization {sent!r}")


@requires("It waits in its polls: an idle worker sends few of them.")
def waits_in_its_polls(one: Played) -> None:
    wait_for("a poll", lambda: one.server.of("poll"))
    time.sleep(2)
    count = len(one.server.of("poll"))
    expect(count <= 4, f"it sent {count} polls in 2 s, although each may wait")


@requires("It asks for no more leases than it can start now.")
def asks_for_what_it_can_start(one: Played) -> None:
    for _ in range(4):
        one.server.enqueue("wait")
    wait_for("two leases", lambda: len(one.server.leases) >= SLOTS)
    time.sleep(1)
    count = len(one.server.leases)
    expect(count == SLOTS, f"it holds {count} leases and has {SLOTS} slots")
    for poll in one.server.of("poll"):
        expect(poll.body.get("max", 1) <= SLOTS, f"it asked for {poll.body.get('max')} leases")


@requires("It reports the result of the handler.")
def reports_the_result(one: Played) -> None:
    verb, body = one.execute("echo", 21)
    expect(verb == "succeed", f"it sent {verb}")
    expect(body.get("result") == {"doubled": 42, "attempt": 3}, f"the result is {body}")


@requires("It executes as many attempts at a time as it has slots.")
def works_on_several_attempts(one: Played) -> None:
    first = one.lease("wait")
    verb, _ = one.execute("echo")
    expect(verb == "succeed" and first.holds, "the second attempt waited for the first")


@requires("It takes further executions when slots are free again.")
def goes_on_with_free_slots(one: Played) -> None:
    ids = [one.server.enqueue("echo", number) for number in range(12)]
    leases = (one.server.lease_of(execution) for execution in ids)
    wait_for("every lease", lambda: len(one.server.leases) == len(ids))
    for lease in leases:
        assert lease is not None
        one.ended(lease)


@requires("It reports an error with its message, and leaves the retry to the server.")
def reports_an_error(one: Played) -> None:
    verb, body = one.execute("error")
    expect(verb == "fail", f"it sent {verb}")
    expect("kit error" in body.get("message", ""), f"the message is {body.get('message')!r}")
    hints = [name for name in ("permanent", "retryInMs", "snoozeMs") if body.get(name)]
    expect(not hints, f"it asked for {hints}")


@requires("It reports a permanent failure as one.")
def reports_a_permanent_failure(one: Played) -> None:
    verb, body = one.execute("permanent")
    expect((verb, body.get("permanent")) == ("fail", True), f"it sent {verb} {body}")


@requires("It reports a snooze with its delay.")
def reports_a_snooze(one: Played) -> None:
    verb, body = one.execute("snooze")
    expect((verb, body.get("snoozeMs")) == ("fail", 60_000), f"it sent {verb} {body}")


@requires("It reports progress while the handler runs.")
def reports_progress(one: Played) -> None:
    lease = one.lease("progress")
    first = wait_for("progress", lambda: lease.progress)[0]
    expect(lease.holds, "the progress came with the end")
    expect(first == (25, "quarter"), f"the progress is {first}")
    one.ended(lease)
    percents = [percent for percent, _ in lease.progress if percent is not None]
    expect(percents == sorted(percents), f"the progress decreases: {percents}")


@requires("It numbers the log lines of an attempt from 1 without gaps, and sends them before the end.")
def numbers_its_log_lines(one: Played) -> None:
    lease = one.lease("log")
    one.ended(lease)
    said = [(line["line"], line.get("level", "info"), line.get("message")) for line in lease.logs]
    expected = [(1, "info", "one"), (2, "warn", "two"), (3, "error", "three")]
    expect(said == expected, f"the lines are {said}")


@requires("It sends heartbeats for each lease, at the interval of the server.")
def sends_heartbeats_for_each_lease(one: Played) -> None:
    leases = [one.lease("wait"), one.lease("wait")]
    time.sleep(5)
    for lease in leases:
        times = [beat.at for beat in one.server.of("heartbeat", lease.token)]
        times = [lease.granted_at, *times, time.monotonic()]
        gap = max(later - earlier for earlier, later in zip(times, times[1:]))
        # A lease of 3 s is lost without one in time.
        expect(gap < 2.5, f"no heartbeat for {gap:.1f} s; one a second is asked for")


@requires("It ends an attempt soon after a cancel request.")
def obeys_a_cancel_request(one: Played) -> None:
    lease = one.lease("wait")
    wait_for("a heartbeat", lambda: one.server.of("heartbeat", lease.token))
    asked = time.monotonic()
    one.server.interrupt(lease, "cancel")
    verb, _ = one.ended(lease)
    took = time.monotonic() - asked
    expect(verb == "fail", f"it sent {verb}")
    expect(took < 5, f"it took {took:.1f} s")


@requires("It ends an attempt whose timeout is close.")
def obeys_a_timeout(one: Played) -> None:
    lease = one.lease("wait")
    one.server.interrupt(lease, "timeout")
    verb, _ = one.ended(lease)
    expect(verb == "fail", f"it sent {verb}")


@requires("It stops an attempt whose lease is lost, and works on.")
def drops_a_lost_lease(one: Played) -> None:
    lease = one.lease("wait")
    wait_for("a heartbeat", lambda: one.server.of("heartbeat", lease.token))
    one.server.lose(lease)
    time.sleep(3)
    before = len(one.server.of("heartbeat", lease.token))
    # Both slots are free again.
    for number in range(3):
        one.execute("echo", number)
    time.sleep(2)
    after = len(one.server.of("heartbeat", lease.token))
    expect(after <= before + 1, "it sends heartbeats for a lost lease")


@requires("It accepts that an end comes too late, and works on.")
def accepts_a_stale_end(one: Played) -> None:
    lease = one.lease("deaf")
    one.server.lose(lease)
    time.sleep(3.5)
    count = sum(len(one.server.of(verb, lease.token)) for verb in ("succeed", "fail", "release"))
    expect(count <= 2, f"it sent {count} ends of a lost lease")
    one.execute("echo")


@requires("It sends an end again when the server is not available.")
def repeats_an_end(one: Played) -> None:
    one.server.faults["succeed"] = [503, 503]
    verb, body = one.execute("echo", 4)
    expect((verb, body["result"]["doubled"]) == ("succeed", 8), f"it sent {verb} {body}")


@requires("It sends an end again when the answer is lost: the same end.")
def repeats_an_unanswered_end(one: Played) -> None:
    one.server.faults["succeed"] = ["drop"]
    lease = one.lease("echo", 4)
    wait_for("the repetition", lambda: len(one.server.of("succeed", lease.token)) >= 2)
    first, second = one.server.of("succeed", lease.token)[:2]
    expect(first.body == second.body, f"{first.body} became {second.body}")


@requires("It reports a failure when the server rejects the result.")
def fails_after_an_invalid_result(one: Played) -> None:
    lease = one.lease("wrong")
    verb, _ = one.ended(lease)
    expect(verb == "fail", f"it sent {verb}")
    count = len(one.server.of("succeed", lease.token))
    expect(count <= 2, f"it sent the invalid result {count} times")


@requires("It waits longer and longer when polls fail.")
def backs_off(one: Played) -> None:
    one.server.faults["poll"] = [503] * 1_000
    wait_for("a poll", lambda: one.server.of("poll"))
    time.sleep(3)
    count = len(one.server.of("poll"))
    expect(count <= 15, f"it sent {count} polls in 3 s to a server that is not available")
    one.server.faults["poll"] = []
    one.execute("echo")


@requires("It waits as long as `Retry-After` says.")
def honours_retry_after(one: Played) -> None:
    one.server.faults["poll"] = [429]
    polls = wait_for("a second poll", lambda: one.server.of("poll")[1:])
    pause = polls[0].at - one.server.of("poll")[0].at
    expect(pause > 1.8, f"it polled again after {pause:.1f} s; 2 s were asked for")


@requires("It survives a restart of the server: the attempt ends, and work goes on.")
def survives_a_restart(one: Played) -> None:
    lease = one.lease("deaf", 5)
    one.server.stop()
    time.sleep(1)
    one.server.start()
    verb, _ = one.ended(lease)
    expect(verb == "succeed", f"it sent {verb}")
    one.execute("echo")


@requires("It ignores members of answers that it does not know.")
def ignores_unknown_members(one: Played) -> None:
    one.server.adds_members = True
    verb, _ = one.execute("progress")
    expect(verb == "succeed", f"it sent {verb}")


@requires("At SIGTERM it takes nothing more, ends its attempts, and exits with code 0.")
def ends_at_sigterm(one: Played) -> None:
    leases = [one.lease("deaf"), one.lease("deaf")]
    one.process.send_signal(signal.SIGTERM)
    code = wait_for("the exit", lambda: _exited(one.process))
    expect(code == "exit 0", f"the worker ended with {code}")
    for lease in leases:
        expect(lease.end is not None, "an attempt was left without an end")
    one.server.enqueue("echo")
    expect(len(one.server.leases) == 2, "it took an execution after SIGTERM")


def _exited(process: subprocess.Popen[bytes]) -> str | None:
    code = process.poll()
    return None if code is None else f"exit {code}"


assert PATIENCE > 20, "the bounds above need it"
