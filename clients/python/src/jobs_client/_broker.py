"""Messages of RabbitMQ: a consumer that hands the ids of ready executions to the worker.

Needs the extra `rabbitmq` (the package pika). A message names an execution and never carries its
payload. It is acknowledged once the server has answered the claim: from there on the lease guards
the attempt. A message that no free slot takes for a minute goes back to the broker.
"""

from __future__ import annotations

import importlib
import json
import logging
import threading
import time
import uuid
from collections import OrderedDict
from typing import Any, Callable, Iterable

from ._routing import RoutingKeys
from ._transport import Backoff
from .errors import ApiError, ServerUnavailable

log = logging.getLogger("jobs_client")

#: The arguments of a broker queue, as the relay declares it.
MAX_PRIORITY = 10

#: How long a message waits for a free slot, in seconds.
HOLD = 60.0

#: The pause before a message goes back because the server did not answer, in seconds.
SERVER_PAUSE = 1.0

#: The pause before the server is asked again for routing keys that it did not tell, in seconds.
ASK_AGAIN = 30.0

#: Claims these executions and starts their attempts. Returns how many ids were tried: the first
#: ones, none without a free slot.
Claim = Callable[[list[str]], int]


def load_pika() -> Any:
    """The package pika."""
    try:
        return importlib.import_module("pika")
    except ImportError as error:
        raise RuntimeError(
            "a worker with a broker needs pika: pip install 'jobs-client[rabbitmq]'"
        ) from error


class Consumer(threading.Thread):
    """Consumes the broker queues of some jobs until it is stopped, and reconnects."""

    def __init__(
        self, url: str, prefix: str, keys: RoutingKeys, slots: int, claim: Claim
    ) -> None:
        super().__init__(name="jobs-broker", daemon=True)
        self._pika = load_pika()
        self._parameters = self._pika.URLParameters(url)
        self._prefix = f"{prefix}." if prefix else ""
        self._exchange = f"{self._prefix}jobs"
        self._keys = keys
        #: True: the broker has ended a subscription.
        self._is_cancelled = False
        self._slots = slots
        self._claim = claim
        self._stopped = threading.Event()
        #: The messages that wait for a slot: delivery tag, execution and time of arrival.
        self._held: OrderedDict[int, tuple[str, float]] = OrderedDict()
        #: The number of messages whose claim the server has answered.
        self.claimed = 0

    def stop(self) -> None:
        """Ends the consumer within a second. Its unanswered messages go back to the broker."""
        self._stopped.set()

    def run(self) -> None:
        pauses = Backoff()
        while not self._stopped.is_set():
            try:
                self._consume(pauses)
            except (self._pika.exceptions.AMQPError, OSError) as error:
                if not self._stopped.is_set():
                    log.warning("broker: %r", error)
                    self._stopped.wait(pauses.pause())
            except Exception:
                log.exception("broker")
                self._stopped.wait(pauses.pause())

    def _consume(self, pauses: Backoff) -> None:
        self._held.clear()
        self._is_cancelled = False
        keys = self._keys.ask()
        queues = {key: f"{self._prefix}{key}" for key in keys}
        connection = self._pika.BlockingConnection(self._parameters)
        try:
            for key, queue in queues.items():
                self._declare(connection, key, queue)
            channel = self._subscribe(connection, queues.values())
            pauses.reset()
            log.info("consuming %d broker queues", len(queues))
            self._process(connection, channel, keys)
        finally:
            if connection.is_open:
                connection.close()

    def _subscribe(self, connection: Any, queues: Iterable[str]) -> Any:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=self._slots)
        channel.add_on_cancel_callback(self._cancelled)
        for queue in queues:
            channel.basic_consume(queue, self._received)
        return channel

    def _process(self, connection: Any, channel: Any, keys: list[str]) -> None:
        """Claims what arrives, until the consumer is stopped or a routing key has changed."""
        ask_at = time.monotonic() + ASK_AGAIN
        while not self._stopped.is_set():
            connection.process_data_events(time_limit=0.05 if self._held else 0.5)
            if self._is_cancelled:
                # The queue was deleted, for example: a new connection declares it again.
                raise self._pika.exceptions.ConsumerCancelled()
            self._claim_held(connection, channel)
            if not self._keys.are_known and time.monotonic() >= ask_at:
                if self._keys.ask() != keys:
                    return
                ask_at = time.monotonic() + ASK_AGAIN

    def _declare(self, connection: Any, key: str, queue: str) -> None:
        """Declares a broker queue as the relay does. Without the right to, it has to exist."""
        channel = connection.channel()
        arguments = {
            "x-max-priority": MAX_PRIORITY,
            "x-dead-letter-exchange": f"{self._exchange}:dead",
        }
        try:
            channel.queue_declare(queue, durable=True, arguments=arguments)
            channel.queue_bind(queue, self._exchange, key)
            channel.close()
        except self._pika.exceptions.ChannelClosedByBroker as error:
            # 403: this user may not declare. 404: no relay has declared the exchange yet; it also
            # binds the queue.
            if error.reply_code not in (403, 404):
                raise

    def _cancelled(self, _frame: Any) -> None:
        self._is_cancelled = True

    def _received(self, channel: Any, method: Any, _properties: Any, body: bytes) -> None:
        try:
            execution = str(uuid.UUID(json.loads(body)["executionId"]))
        except (ValueError, KeyError, TypeError, AttributeError):
            log.warning("dead letter: not a message about an execution")
            channel.basic_reject(method.delivery_tag, requeue=False)
            return
        self._held[method.delivery_tag] = (execution, time.monotonic())

    def _claim_held(self, connection: Any, channel: Any) -> None:
        """Claims what the held messages name, and acknowledges them."""
        while self._held and not self._stopped.is_set():
            tags = list(self._held)[:100]
            ids = [self._held[tag][0] for tag in tags]
            try:
                tried = self._claim(ids)
            except (ServerUnavailable, ApiError) as error:
                log.warning("claim: %s", error)
                connection.sleep(SERVER_PAUSE)
                self._give_back(channel, tags)
                return
            if tried == 0:
                long_ago = time.monotonic() - HOLD
                self._give_back(channel, [tag for tag in tags if self._held[tag][1] < long_ago])
                return
            for tag in tags[:tried]:
                del self._held[tag]
                channel.basic_ack(tag)
            self.claimed += tried

    def _give_back(self, channel: Any, tags: list[int]) -> None:
        for tag in tags:
            del self._held[tag]
            channel.basic_nack(tag, requeue=True)
