"""The Python worker of the tests and of the conformance kit: `worker.py THREADS [processes]`."""

from __future__ import annotations

import logging
import os
import sys
import time
from typing import Any

from jobs_client import Context, Permanent, Snooze, Worker


def work(ctx: Context, payload: dict[str, Any]) -> dict[str, Any]:
    """Does what `mode` says."""
    mode, number = payload["mode"], payload["number"]
    if mode == "echo":
        ctx.log.info("mode %s", mode, extra={"fields": {"number": number}})
    if mode == "trace":
        ctx.log.info("trace", extra={"fields": {"traceParent": ctx.trace_parent}})
        if ctx.attempt == 1:
            raise ValueError("the first attempt fails")
    if mode == "log":
        ctx.log.info("one")
        ctx.log.warning("two")
        logging.getLogger("elsewhere").error("three")
    if mode == "progress":
        ctx.progress(25, "quarter")
        time.sleep(0.5)
        ctx.progress(75)
        time.sleep(0.5)
    if mode == "deaf":
        time.sleep(2)
    if mode == "wait":
        # Until it is cancelled.
        ctx.progress(30, "waiting")
        while True:
            ctx.sleep(0.05)
    if mode == "steps":
        # Until the gate file exists.
        step = 0
        while not os.path.exists(f"gate-{number}"):
            step += 1
            ctx.progress(min(step, 90), f"step {step}")
            time.sleep(0.05)
    if mode == "wrong":
        return {"doubled": "two"}
    if mode == "error":
        raise ValueError("kit error")
    if mode == "snooze":
        raise Snooze(60)
    if mode == "permanent":
        raise Permanent("no use")
    if mode == "flaky" and ctx.attempt == 1:
        raise ValueError("the first attempt fails")
    if mode == "crash" and ctx.attempt == 1:
        os._exit(3)
    return {"doubled": 2 * number, "attempt": ctx.attempt}


def main() -> None:
    """Runs the worker."""
    logging.basicConfig(level=logging.INFO, format="%(name)s %(levelname)s %(message)s")
    threads, *rest = sys.argv[1:]
    worker = Worker(
        threads=int(threads),
        processes="processes" in rest,
        name="python-test",
        labels=["test"],
        drain=5.0,
        broker=os.environ.get("TEST_BROKER"),
        broker_prefix=os.environ.get("TEST_BROKER_PREFIX", ""),
        store_poll=float(os.environ.get("TEST_STORE_POLL", "5")),
    )
    worker.job("kit.work")(work)
    worker.run()


if __name__ == "__main__":
    main()
