"""Executes and triggers jobs of a jobs server.

`Worker` executes external jobs, `Client` triggers jobs and reads their results. Both use the
standard library alone. The README of the package has examples.
"""

from .client import Client, Execution
from .context import Context
from .errors import (
    ApiError,
    Cancelled,
    ExecutionFailed,
    InvalidPayload,
    JobsError,
    LeaseLost,
    Permanent,
    RateLimited,
    RetryIn,
    ServerUnavailable,
    Snooze,
)
from .worker import Worker

__all__ = [
    "ApiError",
    "Cancelled",
    "Client",
    "Context",
    "Execution",
    "ExecutionFailed",
    "InvalidPayload",
    "JobsError",
    "LeaseLost",
    "Permanent",
    "RateLimited",
    "RetryIn",
    "ServerUnavailable",
    "Snooze",
    "Worker",
]

__version__ = "0.1.0"
