"""Texts and fields that every server accepts."""

from __future__ import annotations

import json
from typing import Any

#: The longest text of a log line or an error, in bytes. The server stores no more of a log line.
MOST_BYTES = 16 * 1024


def cut(text: str, most: int = MOST_BYTES) -> str:
    """A text without lone surrogates, of at most so many bytes."""
    # Each character takes a byte at least: a longer part would be cut in any case.
    data = text[: most + 1].encode("utf-8", "replace")
    if len(data) > most:
        return data[: most - 3].decode("utf-8", "ignore") + "…"
    return data.decode()


def snapshot(fields: dict[Any, Any]) -> dict[str, Any]:
    """A copy of structured fields that is JSON. The handler may change its own afterwards."""
    return {cut(str(name)): _value(value) for name, value in fields.items()}


def _value(value: Any) -> Any:
    try:
        text = json.dumps(value, default=str, allow_nan=False, ensure_ascii=False)
        return json.loads(text.encode("utf-8", "replace"))
    except Exception:
        return cut(_shown(value))


def _shown(value: Any) -> str:
    try:
        return repr(value)
    except Exception:
        return f"<{type(value).__name__}>"
