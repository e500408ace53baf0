"""The routing keys of jobs: which broker queues a worker consumes."""

from __future__ import annotations

import logging
from urllib.parse import quote

from ._transport import Transport
from .errors import ApiError, ServerUnavailable

log = logging.getLogger("jobs_client")

#: The longest wait for an answer, in seconds. The consumer must not miss a heartbeat of the broker.
TIMEOUT = 5.0


class RoutingKeys:
    """The routing keys of some jobs: those of the code, else those that the server tells."""

    def __init__(self, transport: Transport, given: dict[str, str | None]) -> None:
        self._transport = transport
        self._given = given
        self._found: dict[str, str] = {}
        #: True: this token may not read jobs, so that no further question helps.
        self._is_refused = False

    def ask(self) -> list[str]:
        """Asks the server, and returns a key for each job: what it told last, else the default."""
        try:
            for job, given in self._given.items():
                if given is None and not self._is_refused:
                    self._ask(job)
        except ServerUnavailable as error:
            log.warning("routing keys: %s", error)
        return [given or self._of(job) for job, given in self._given.items()]

    @property
    def are_known(self) -> bool:
        """True if asking again soon is of no use."""
        asked = [job for job, given in self._given.items() if given is None]
        return self._is_refused or all(job in self._found for job in asked)

    def _of(self, job: str) -> str:
        return self._found.get(job, f"jobs.{job}")

    def _ask(self, job: str) -> None:
        path = f"/jobs/{quote(job, safe='')}"
        try:
            found = self._transport.request("GET", path, timeout=TIMEOUT)
            self._found[job] = str(found["routingKey"])
        except ApiError as error:
            self._is_refused = error.status == 403
            hint = "; `@worker.job` takes a `routing_key`" if self._is_refused else ""
            log.warning("routing key of %s: %s; `%s` is used%s", job, error, self._of(job), hint)
        except (KeyError, TypeError) as error:
            log.warning("routing key of %s: %r; `%s` is used", job, error, self._of(job))
