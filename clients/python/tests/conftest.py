"""A server that plays the protocol: that of the conformance kit."""

from __future__ import annotations

import os
import sys
from typing import Iterator

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "kit"))

from jobs_kit.playing_server import PlayingServer  # noqa: E402
from strict_server import StrictServer  # noqa: E402


@pytest.fixture
def server() -> Iterator[PlayingServer]:
    """A server in memory."""
    playing = PlayingServer(heartbeat=0.5)
    yield playing
    playing.stop()


@pytest.fixture
def strict() -> Iterator[StrictServer]:
    """A server that rejects wrong requests. Its leases have three seconds."""
    playing = StrictServer(heartbeat=1.0)
    yield playing
    playing.stop()
