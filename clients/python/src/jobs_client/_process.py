"""A handler in a process of its own, for work that blocks the interpreter or may crash it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from multiprocessing.connection import Connection
from typing import Any, Callable

from ._failures import ProcessCrashed, ProcessFailed, failure_of
from ._logs import AttemptHandler, captured_by
from .context import Attempt, Context

#: Returns the result, or raises.
Handler = Callable[[Context, Any], Any]

#: The time that an interrupted process has before it is killed.
GRACE = 5.0


def _child(pipe: Connection, handler: Handler, attempt: Attempt, payload: Any) -> None:
    """The child: runs the handler; sends reports and its end through the pipe."""
    import logging

    # The terminal's signals are for the worker, which ends its children.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    sending = threading.Lock()

    def send(kind: str, value: Any) -> None:
        with sending:
            pipe.send((kind, value))

    context = Context(attempt, lambda percent, message: send("progress", (percent, message)))

    def listen() -> None:
        try:
            while True:
                context._interrupt(pipe.recv())
        except (EOFError, OSError):
            # The worker has died: its lease will be lost.
            os._exit(1)

    threading.Thread(target=listen, daemon=True).start()
    logging.getLogger().addHandler(AttemptHandler())
    try:
        with captured_by(lambda line: send("line", line)):
            result = handler(context, payload)
        send("result", result)
    except BaseException as error:
        # Not the error itself: many an exception that pickles cannot be unpickled.
        send("failure", failure_of(error))


def run(
    handler: Handler,
    attempt: Attempt,
    payload: Any,
    context: Context,
    add_line: Callable[[dict[str, Any]], None],
) -> Any:
    """Runs a handler in a new process. Returns its result, or raises `ProcessFailed`. Kills the
    process if it ignores an interrupt."""
    processes = multiprocessing.get_context("spawn")
    ours, theirs = processes.Pipe()
    child = processes.Process(target=_child, args=(theirs, handler, attempt, payload), daemon=True)
    child.start()
    theirs.close()
    told_at: float | None = None
    try:
        while True:
            if context.cancelled and told_at is None:
                told_at = time.monotonic()
                ours.send(context.stop_reason)
            if told_at is not None and time.monotonic() >= told_at + GRACE:
                raise ProcessCrashed(f"the process was killed {GRACE:.0f} s after: {context.stop_reason}")
            if not ours.poll(0.1):
                continue
            kind, value = ours.recv()
            if kind == "progress":
                context._report(*value)
            elif kind == "line":
                add_line(value)
            elif kind == "result":
                return value
            else:
                raise ProcessFailed(value)
    except (EOFError, OSError) as error:
        child.join(1)
        raise ProcessCrashed(f"the process ended with code {child.exitcode}") from error
    finally:
        ours.close()
        child.join(1)
        if child.is_alive():
            child.kill()
            child.join()
