"""Requirements of a server. The kit plays a worker.

The server under test declares two external jobs and executes neither:

| job | payload | result | timeout | retries |
|---|---|---|---|---|
| `kit.work` | `{"mode": text, "number": integer}` | `{"doubled": integer, "attempt": integer}` | 1 min or more | at least one, within a second |
| `kit.brief` | `{"number": integer}` | the same | 3 s | none |

Its leases are 3 s long (`JOBS_LEASE=3s`), so that losses are seen soon.
"""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
import uuid
from typing import Any, Callable

from .requirement import Requirement, expect, wait_for

PREFIX = "/api/v1/workers"
JOB = "kit.work"
BRIEF = "kit.brief"
DONE = {"result": {"doubled": 2, "attempt": 1}}


class Answer:
    """An answer of the server under test."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        self.status = status
        self.body = body

    def ok(self) -> dict[str, Any]:
        """The body of a 200."""
        expect(self.status == 200, f"answered {self.status} {self.body}")
        return self.body

    def problem(self, status: int, code: str) -> dict[str, Any]:
        """The body of a problem with this status and code."""
        got = (self.status, self.body.get("code"))
        expect(got == (status, code), f"answered {got}, not {(status, code)}: {self.body}")
        return self.body


class Site:
    """The server under test, with a worker of its own for each requirement."""

    def __init__(self, url: str, token: str | None) -> None:
        self._url = url.rstrip("/") + PREFIX
        self._token = token
        self.worker_id = str(uuid.uuid4())

    def request(self, method: str, path: str, body: Any = None) -> Answer:
        """Sends a request."""
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        data = None if method == "GET" else json.dumps(body or {}).encode()
        request = urllib.request.Request(self._url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return Answer(answer.status, json.loads(answer.read() or b"{}"))
        except urllib.error.HTTPError as error:
            return Answer(error.code, json.loads(error.read() or b"{}"))

    def trigger(self, job: str = JOB, **options: Any) -> str:
        """Enqueues an execution and returns its id."""
        payload: dict[str, Any] = {"number": 1}
        if job == JOB:
            payload["mode"] = "echo"
        answer = self.request("POST", f"/jobs/{job}/trigger", {"payload": payload, **options})
        expect(answer.status == 202, f"the trigger answered {answer.status} {answer.body}")
        return str(answer.body["executionId"])

    def poll(self, ids: list[str], wait: float = 10.0, most: int = 10) -> list[dict[str, Any]]:
        """Polls for certain executions, so that checks do not take each other's."""
        body = {
            "workerId": self.worker_id,
            "name": "kit",
            "language": "python",
            "executionIds": ids,
            "max": most,
            "waitMs": round(wait * 1000),
        }
        leases = self.request("POST", "/leases", body).ok()["leases"]
        assert isinstance(leases, list)
        return leases

    def lease(self, job: str = JOB, execution: str | None = None) -> dict[str, Any]:
        """Leases an execution; a new one unless it is given."""
        chosen = execution or self.trigger(job)
        return wait_for("a lease", lambda: self.poll([chosen]))[0]

    def post(self, lease: dict[str, Any], verb: str, body: Any = None) -> Answer:
        """Sends a request about a lease."""
        return self.request("POST", f"/leases/{lease['token']}/{verb}", body)

    def execution(self, lease: dict[str, Any]) -> dict[str, Any]:
        """The execution of a lease."""
        return self.request("GET", f"/executions/{lease['executionId']}").ok()

    def cancel(self, lease: dict[str, Any]) -> None:
        """Requests a cancellation."""
        answer = self.request("POST", f"/executions/{lease['executionId']}/cancel")
        expect(answer.status == 202, f"the cancel answered {answer.status} {answer.body}")


Check = Callable[[Site], None]
CHECKS: list[tuple[str, str, Check]] = []


def requires(promise: str) -> Callable[[Check], Check]:
    """Adds a check to the list, under the name of its function."""

    def add(check: Check) -> Check:
        CHECKS.append((check.__name__, promise, check))
        return check

    return add


def requirements(url: str, token: str | None) -> list[Requirement]:
    """The requirements, for the server at this URL."""

    def bound(check: Check) -> Callable[[], None]:
        return lambda: check(Site(url, token))

    return [Requirement(name, promise, bound(check)) for name, promise, check in CHECKS]


@requires("A poll leases an execution, with all that a worker needs.")
def a_poll_leases_an_execution(site: Site) -> None:
    lease = site.lease()
    expect(lease["jobId"] == JOB and lease["attempt"] == 1, f"the lease is {lease}")
    expect(lease["payload"] == {"mode": "echo", "number": 1}, f"the payload is {lease['payload']}")
    for member in ("token", "executionId", "queue", "isLastAttempt", "fencingToken", "deadline"):
        expect(lease.get(member) is not None, f"the lease has no `{member}`")
    expect(site.execution(lease)["status"] == "running", "the execution does not run")


@requires("A poll without work waits, and then returns no lease.")
def a_poll_waits(site: Site) -> None:
    began = time.monotonic()
    leases = site.poll([str(uuid.uuid4())], wait=1.0)
    took = time.monotonic() - began
    expect(leases == [] and took > 0.8, f"it returned {leases} after {took:.1f} s")


@requires("A poll that does not wait returns at once.")
def a_poll_can_return_at_once(site: Site) -> None:
    began = time.monotonic()
    site.poll([str(uuid.uuid4())], wait=0.0)
    took = time.monotonic() - began
    expect(took < 5, f"it took {took:.1f} s")


@requires("A waiting poll is answered when an execution becomes ready.")
def a_waiting_poll_is_woken(site: Site) -> None:
    execution = site.trigger(delayMs=1_500)
    began = time.monotonic()
    leases = wait_for("a lease", lambda: site.poll([execution]))
    took = time.monotonic() - began
    expect(len(leases) == 1 and took < 15, f"it took {took:.1f} s")


@requires("A poll returns no more leases than it asks for.")
def a_poll_is_bounded(site: Site) -> None:
    ids = [site.trigger() for _ in range(3)]
    leases = wait_for("a lease", lambda: site.poll(ids, most=2))
    expect(len(leases) <= 2, f"it returned {len(leases)} leases, not 2")


@requires("An execution is leased to one worker at a time, each lease with a token of its own.")
def leases_are_exclusive(site: Site) -> None:
    ids = [site.trigger() for _ in range(2)]
    leases: list[dict[str, Any]] = []

    def take() -> bool:
        leases.extend(site.poll(ids, wait=1.0, most=1))
        return len(leases) >= 2

    wait_for("two leases", take)
    leases += site.poll(ids, wait=0.5)
    expect(len({lease["executionId"] for lease in leases}) == len(leases), f"twice: {leases}")
    expect(len({lease["token"] for lease in leases}) == len(leases), f"one token twice: {leases}")


@requires("A poll for a job that no program declares is a 404.")
def an_unknown_job_is_a_404(site: Site) -> None:
    body = {"workerId": "w", "jobs": ["kit.nothing"]}
    site.request("POST", "/leases", body).problem(404, "unknown_job")


@requires("A request with mistakes is a 400 that names each of them.")
def mistakes_are_named(site: Site) -> None:
    answer = site.request("POST", "/leases", {"max": 0, "extra": 1})
    violations = answer.problem(400, "invalid_request")["violations"]
    pointers = {one["pointer"] for one in violations}
    expected = {"/workerId", "/jobs", "/max", "/extra"}
    expect(pointers == expected, f"it named {pointers}, not {expected}")


@requires("A token that names no lease is a 409.")
def an_unknown_token_is_a_409(site: Site) -> None:
    for verb in ("heartbeat", "succeed", "release"):
        site.post({"token": "00" * 60}, verb).problem(409, "lease_lost")


@requires("A heartbeat keeps the lease.")
def heartbeats_keep_the_lease(site: Site) -> None:
    silent, lease = site.lease(), site.lease()

    def outlives_the_silent_one() -> bool:
        beat = site.post(lease, "heartbeat").ok()
        expect(beat["interrupt"] is None, f"the interrupt is {beat}")
        time.sleep(0.3)
        return bool(site.execution(silent)["attempts"][0]["outcome"] == "lost")

    wait_for("the end of a lease without heartbeats", outlives_the_silent_one)
    expect(site.execution(lease)["attempt"] == 1, "the attempt was lost")
    site.post(lease, "succeed", DONE).ok()


@requires("Progress is visible at once, and never decreases.")
def progress_is_visible(site: Site) -> None:
    lease = site.lease()
    for percent in (40, 20):
        site.post(lease, "heartbeat", {"progress": percent, "message": f"at {percent}"}).ok()
    execution = site.execution(lease)
    seen = (execution["progress"], execution["progressMessage"])
    expect(seen == (40, "at 20"), f"the progress is {seen}")


@requires("A log line is stored once, however often it is sent.")
def log_lines_are_stored_once(site: Site) -> None:
    lease = site.lease()
    lines = [{"line": n, "message": f"line {n}", "level": "warn"} for n in (1, 2)]
    for _ in range(2):
        site.post(lease, "heartbeat", {"logs": lines}).ok()
    log = site.request("GET", f"/executions/{lease['executionId']}/logs").ok()["lines"]
    said = [(line["line"], line["level"], line["message"]) for line in log]
    expect(said == [(1, "warn", "line 1"), (2, "warn", "line 2")], f"the log is {said}")


@requires("A cancel request answers a waiting heartbeat at once.")
def a_cancel_answers_a_waiting_heartbeat(site: Site) -> None:
    lease = site.lease()
    timer = threading.Timer(0.5, lambda: site.cancel(lease))
    timer.start()
    began = time.monotonic()
    beats = 0

    def interrupt() -> Any:
        nonlocal beats
        beats += 1
        return site.post(lease, "heartbeat", {"waitMs": 20_000}).ok()["interrupt"]

    found = wait_for("an interrupt", interrupt, patience=12)
    took = time.monotonic() - began
    expect(found == "cancel", f"the interrupt is {found}")
    expect(took < 8, f"it took {took:.1f} s and {beats} heartbeats")
    site.post(lease, "fail", {"message": "stopped"}).ok()
    expect(site.execution(lease)["status"] == "cancelled", "the execution is not cancelled")


@requires("A success counts after a cancel request.")
def a_success_counts_after_a_cancel(site: Site) -> None:
    lease = site.lease()
    site.cancel(lease)
    site.post(lease, "succeed", DONE).ok()
    expect(site.execution(lease)["status"] == "succeeded", "the success was ignored")


@requires("A success stores its result.")
def a_success_stores_its_result(site: Site) -> None:
    lease = site.lease()
    site.post(lease, "succeed", DONE).ok()
    execution = site.execution(lease)
    seen = (execution["status"], execution["result"])
    expect(seen == ("succeeded", DONE["result"]), f"the execution is {seen}")


@requires("A result that breaks the schema is a 422 with pointers. The lease stays.")
def an_invalid_result_is_a_422(site: Site) -> None:
    lease = site.lease()
    wrong = {"result": {"doubled": "two", "attempt": 1}}
    problem = site.post(lease, "succeed", wrong).problem(422, "invalid_result")
    pointers = [one["pointer"] for one in problem["violations"]]
    expect(pointers == ["/doubled"], f"the pointers are {pointers}")
    site.post(lease, "succeed", DONE).ok()


@requires("An end that is sent again is answered as before.")
def an_end_can_be_repeated(site: Site) -> None:
    lease = site.lease()
    for _ in range(3):
        site.post(lease, "succeed", DONE).ok()
    other = site.lease()
    for _ in range(3):
        site.post(other, "fail", {"message": "no", "permanent": True}).ok()


@requires("A second, different end is a 409 and changes nothing.")
def a_second_end_is_a_409(site: Site) -> None:
    lease = site.lease()
    site.post(lease, "succeed", DONE).ok()
    before = site.execution(lease)
    site.post(lease, "fail", {"message": "late"}).problem(409, "lease_lost")
    site.post(lease, "heartbeat", {"progress": 1}).problem(409, "lease_lost")
    site.post(lease, "release").problem(409, "lease_lost")
    expect(site.execution(lease) == before, "the execution has changed")


@requires("A failure is retried as the job's retry list says.")
def a_failure_is_retried(site: Site) -> None:
    lease = site.lease()
    site.post(lease, "fail", {"message": "the first"}).ok()
    again = site.lease(execution=lease["executionId"])
    expect(again["attempt"] == 2, f"the attempt is {again['attempt']}")
    first = site.execution(again)["attempts"][0]
    seen = (first["outcome"], first["error"]["message"])
    expect(seen == ("failed", "the first"), f"the first attempt is {seen}")


@requires("A permanent failure is final.")
def a_permanent_failure_is_final(site: Site) -> None:
    lease = site.lease()
    site.post(lease, "fail", {"message": "no", "permanent": True}).ok()
    expect(site.execution(lease)["status"] == "failed", "another attempt follows")


@requires("A retry hint sets the delay, and a snooze spends no attempt.")
def hints_are_followed(site: Site) -> None:
    for hint, outcome in (("retryInMs", "failed"), ("snoozeMs", "snoozed")):
        lease = site.lease()
        site.post(lease, "fail", {"message": "later", hint: 3_600_000}).ok()
        execution = site.execution(lease)
        seen = (execution["status"], execution["attempts"][0]["outcome"])
        expect(seen == ("pending", outcome), f"after `{hint}` it is {seen}")


@requires("A released attempt is given to another worker and not counted.")
def a_release_is_not_counted(site: Site) -> None:
    lease = site.lease()
    site.post(lease, "release").ok()
    again = site.lease(execution=lease["executionId"])
    outcome = site.execution(again)["attempts"][0]["outcome"]
    expect((again["attempt"], outcome) == (2, "released"), f"it is {again['attempt']} {outcome}")


@requires("An attempt without heartbeats is lost. A late end is a 409 and changes nothing.")
def a_silent_attempt_is_lost(site: Site) -> None:
    lease = site.lease()
    wait_for("the loss", lambda: site.execution(lease)["attempts"][0]["outcome"] == "lost")
    again = site.lease(execution=lease["executionId"])
    before = site.execution(again)["attempts"][0]
    site.post(lease, "succeed", DONE).problem(409, "lease_lost")
    site.post(lease, "heartbeat", {"progress": 99}).problem(409, "lease_lost")
    execution = site.execution(again)
    expect(execution["attempts"][0] == before, "the lost attempt has changed")
    expect(execution["status"] == "running", "the next attempt has changed")
    site.post(again, "succeed", DONE).ok()


@requires("The server interrupts an attempt before its timeout, and ends it there.")
def the_server_enforces_the_timeout(site: Site) -> None:
    lease = site.lease(BRIEF)
    interrupts = []
    while True:
        answer = site.post(lease, "heartbeat", {"waitMs": 500})
        if answer.status != 200:
            break
        interrupts.append(answer.body["interrupt"])
        expect(len(interrupts) < 3_000, "the attempt was not ended")
        time.sleep(0.01)
    reason = answer.problem(409, "lease_lost").get("reason")
    expect(reason == "timed_out", f"the reason is {reason}")
    outcome = site.execution(lease)["attempts"][0]["outcome"]
    expect(outcome == "timed_out", f"the outcome is {outcome}")
    expect("timeout" in interrupts, f"the interrupts were {set(interrupts)}")


@requires("The worker is listed with its name and language.")
def the_worker_is_listed(site: Site) -> None:
    site.lease()
    listed = site.request("GET", "/processes").ok()["processes"]
    mine = [one for one in listed if (one.get("external") or {}).get("workerId") == site.worker_id]
    expect(mine, "the worker is not listed")
    seen = (mine[0]["worker"], mine[0]["external"]["language"])
    expect(seen == ("kit", "python"), f"it is listed as {seen}")
