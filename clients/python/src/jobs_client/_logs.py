"""The log handler: what is logged in the thread of an attempt is stored with the attempt."""

from __future__ import annotations

import logging
import threading
import traceback
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any, Callable, Iterator

from ._text import cut, snapshot

#: Receives a line without its number.
Sink = Callable[[dict[str, Any]], None]

_current = threading.local()

#: Loggers of this package, whose lines are about no attempt.
OWN = "jobs_client"


@contextmanager
def captured_by(sink: Sink) -> Iterator[None]:
    """Sends what this thread logs to a sink."""
    _current.sink = sink
    try:
        yield
    finally:
        _current.sink = None


class AttemptHandler(logging.Handler):
    """A handler of the root logger that passes lines to the attempt of their thread."""

    def emit(self, record: logging.LogRecord) -> None:
        """Converts a record and passes it on. Lines outside attempts are ignored."""
        sink: Sink | None = getattr(_current, "sink", None)
        if sink is None or record.name.startswith(OWN):
            return
        try:
            sink(line_of(record))
        except Exception:
            self.handleError(record)


def line_of(record: logging.LogRecord) -> dict[str, Any]:
    """A record as a line of the server, without its number. The line is JSON, and a copy."""
    message = record.getMessage()
    if record.exc_info:
        message += "\n" + "".join(traceback.format_exception(*record.exc_info)).rstrip()
    at = datetime.fromtimestamp(record.created, timezone.utc)
    line: dict[str, Any] = {
        "at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": _level(record.levelno),
        "target": cut(record.name) or "root",
        "message": cut(message) or " ",
    }
    fields = getattr(record, "fields", None)
    if isinstance(fields, dict):
        line["fields"] = snapshot(fields)
    return line


def _level(number: int) -> str:
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warn"
    if number >= logging.INFO:
        return "info"
    return "debug"
