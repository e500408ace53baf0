"""The consumer of messages, with a broker that is played."""

from __future__ import annotations

import types
from typing import Any, Callable, Iterator

import pytest
from jobs_kit.requirement import wait_for

from jobs_client import ApiError, ServerUnavailable, _broker
from jobs_client._broker import Consumer
from jobs_client._routing import RoutingKeys
from jobs_client._transport import Transport


class PlayedBroker:
    """Plays the part of pika that the consumer uses."""

    def __init__(self) -> None:
        #: The broker queues of each subscription so far.
        self.subscriptions: list[list[str]] = []
        self.cancel: Callable[[object], None] = lambda frame: None
        #: True: the broker cancels a consumer with the next event.
        self.cancels = False
        self.is_open = True
        error = type("AMQPError", (Exception,), {})
        names = ("ConsumerCancelled", "ChannelClosedByBroker")
        kinds = {name: type(name, (error,), {}) for name in names}
        self.exceptions = types.SimpleNamespace(AMQPError=error, **kinds)

    def URLParameters(self, url: str) -> str:
        """The parameters of a URL."""
        return url

    def BlockingConnection(self, _parameters: str) -> PlayedBroker:
        """A new connection."""
        self.subscriptions.append([])
        return self

    def channel(self) -> PlayedBroker:
        """A new channel."""
        return self

    def add_on_cancel_callback(self, callback: Callable[[object], None]) -> None:
        """Keeps what to call."""
        self.cancel = callback

    def basic_consume(self, queue: str, _callback: object) -> None:
        """A subscription."""
        self.subscriptions[-1].append(queue)

    def process_data_events(self, time_limit: float) -> None:
        """One turn."""
        if self.cancels:
            self.cancels = False
            self.cancel(None)

    def ignored(self, *_args: object, **_named: object) -> None:
        """What changes nothing here."""

    queue_declare = queue_bind = close = basic_qos = ignored


class Asked(Transport):
    """A server that answers questions for routing keys from a list."""

    def __init__(self, *answers: object) -> None:
        super().__init__("http://127.0.0.1:1")
        self.answers = list(answers)
        self.questions = 0

    def request(self, *args: Any, **_named: Any) -> Any:
        """The next answer."""
        self.questions += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[PlayedBroker]:
    """A broker in place of pika."""
    played = PlayedBroker()
    monkeypatch.setattr(_broker, "load_pika", lambda: played)
    monkeypatch.setattr(_broker, "ASK_AGAIN", 0.0)
    yield played


def consumer(keys: RoutingKeys) -> Consumer:
    """A consumer that claims nothing."""
    started = Consumer("amqp://broker", "", keys, 1, lambda ids: 0)
    started.start()
    return started


def test_a_cancelled_subscription_is_renewed(broker: PlayedBroker) -> None:
    started = consumer(RoutingKeys(Asked(), {"mesh": "cad"}))
    wait_for("a subscription", lambda: broker.subscriptions == [["cad"]])
    broker.cancels = True
    wait_for("another one", lambda: broker.subscriptions == [["cad"], ["cad"]])
    started.stop()


def test_a_routing_key_is_asked_for_until_the_server_tells_it(broker: PlayedBroker) -> None:
    away = ServerUnavailable("away")
    transport = Asked(away, away, *[{"routingKey": "cad"}] * 10)
    started = consumer(RoutingKeys(transport, {"mesh": None}))
    wait_for("the key", lambda: broker.subscriptions == [["jobs.mesh"], ["cad"]])
    started.stop()


def test_a_refused_question_is_not_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    transport = Asked(ApiError(403, {"code": "forbidden"}))
    keys = RoutingKeys(transport, {"mesh": None, "gear": None, "bolt": "cad"})
    for _ in range(2):
        assert keys.ask() == ["jobs.mesh", "jobs.gear", "cad"]
    assert keys.are_known
    assert transport.questions == 1
    assert len(caplog.records) == 1
    assert "takes a `routing_key`" in caplog.text
