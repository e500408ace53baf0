"""Workers of the tests, in threads of their own."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import Any, Callable, Iterator

from jobs_kit.playing_server import Lease, PlayingServer
from jobs_kit.requirement import wait_for

from jobs_client import Context, Worker

Handler = Callable[[Context, dict[str, Any]], Any]


@contextmanager
def working(server: PlayingServer, handler: Handler, **options: Any) -> Iterator[Worker]:
    """A worker in a thread of its own."""
    worker = Worker(server.url, **{"drain": 1.0, **options})
    worker.job("kit.work")(handler)
    thread = threading.Thread(target=worker.run, args=(False,), daemon=True)
    thread.start()
    try:
        yield worker
    finally:
        worker.stop(now=True)
        thread.join(20)
        assert not thread.is_alive(), "the worker does not stop"


def lease_of(server: PlayingServer, execution: str) -> Lease:
    """Waits for the lease of an execution."""
    return wait_for("a lease", lambda: server.lease_of(execution))


def executed(server: PlayingServer, handler: Handler, **options: Any) -> tuple[Lease, str, dict[str, Any]]:
    """Lets a handler execute one execution, and returns its end."""
    with working(server, handler, **options):
        lease = lease_of(server, server.enqueue("x", 7))
        verb, body = wait_for("the end", lambda: lease.end)
        return lease, verb, body


def raising(error: BaseException) -> Handler:
    """A handler that raises."""

    def handler(ctx: Context, payload: dict[str, Any]) -> None:
        raise error

    return handler
