"""Celery uses the kombu transport. The tests need no network."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ProfileNotFound
from celery.exceptions import ImproperlyConfigured
from kombu.asynchronous import get_event_loop, set_event_loop
from kombu.connection import Connection
from kombu.messaging import Producer

from celery_sqs_fifo import DONE, EventRules, Options, Outcome, Result, UnsupportedOnFifo, transport
from celery_sqs_fifo.transport import Channel, Message
from tests.support.chain_app import CHAIN, QUEUE, fifo_app
from tests.support.fake_calls import FakeCalls, sqs_message
from tests.support.fake_loop import FakeLoop, use_clock_of

QUEUE_URL = f"https://sqs.eu-west-1.amazonaws.com/123456789012/{QUEUE}"
BUG = Outcome(Result.BUG, "bug")
CHANGES = {"DeleteMessageBatch", "ChangeMessageVisibilityBatch", "SendMessage"}


class Sqs:
    """A boto3 client that records published messages."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def send_message(self, **parameters: Any) -> None:
        """See boto3."""
        self.sent.append(parameters)


class Broker:
    """A channel with fake calls and a fake event loop, and the messages that Celery received."""

    def __init__(self, channel: Channel, calls: FakeCalls, sqs: Sqs, loop: FakeLoop) -> None:
        self.channel = channel
        self.calls = calls
        self.sqs = sqs
        self.loop = loop
        self.messages: list[Message] = []

    def consume(self, queue: str = QUEUE, *, no_ack: bool = False) -> None:
        self.channel.basic_consume(queue, no_ack, self.messages.append, "consumer")
        self.loop.run_once()

    def receive(self, *names: str) -> None:
        self.calls.receive([sqs_message(name, group=name) for name in names])


@pytest.fixture
def loop() -> Iterator[FakeLoop]:
    loop, before = FakeLoop(), get_event_loop()
    set_event_loop(loop)  # type: ignore[arg-type]
    yield loop
    set_event_loop(before)


@pytest.fixture
def broker(loop: FakeLoop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Broker]:
    use_clock_of(loop, monkeypatch)
    calls, sqs = FakeCalls(at_once=CHANGES), Sqs()
    monkeypatch.setattr(transport, "Calls", lambda **_options: calls)
    monkeypatch.setattr(transport, "current_app", fifo_app())
    monkeypatch.setattr(transport, "Signer", lambda _client: None)
    monkeypatch.setattr(transport, "HttpClient", lambda **_options: None)
    monkeypatch.setattr(Channel, "sqs", lambda *_args, **_options: sqs)
    options = {
        "region": "eu-west-1",
        "predefined_queues": {QUEUE: {"url": QUEUE_URL}},
        "event_rules": EventRules(chain=CHAIN),
        "consumer": {"dead_letter_queue_url": "dlq.fifo", "batch_size": 1, "gather_for": 0},
    }
    connection = Connection(
        "sqs://", transport="celery_sqs_fifo.transport:Transport", transport_options=options
    )
    channel: Any = connection.default_channel
    broker = Broker(channel, calls, sqs, loop)
    yield broker
    calls.answer_all("ReceiveMessage")
    connection.release()


def test_celery_receives_messages_that_the_main_process_does_not_decode(broker: Broker) -> None:
    broker.consume()
    broker.receive("1", "2")

    assert [message.delivery_tag for message in broker.messages] == ["handle-1", "handle-2"]
    assert {message.headers["task"] for message in broker.messages} == {"first"}
    assert broker.messages[0].payload == ((), {}, {})


@pytest.mark.parametrize("rules", [None, "json:loads", {"chain": CHAIN}])
def test_nothing_is_consumed_without_rules_for_events(broker: Broker, rules: Any) -> None:
    broker.channel.transport_options["event_rules"] = rules

    with pytest.raises(ImproperlyConfigured, match="event_rules"):
        broker.consume()


@pytest.mark.parametrize("chain", [(), "first"])
def test_a_chain_must_be_a_sequence_with_at_least_one_task(chain: Any) -> None:
    with pytest.raises(ImproperlyConfigured):
        EventRules(chain=chain)


@pytest.mark.parametrize("attributes", ["event_type", ("event_type", "reason"), ("place",)])
def test_the_attributes_of_events_have_other_names_than_those_of_dead_letters(
    attributes: Any,
) -> None:
    with pytest.raises(ImproperlyConfigured, match="attributes"):
        EventRules(chain=CHAIN, attributes=attributes)


def test_an_acknowledged_message_is_deleted(broker: Broker) -> None:
    broker.consume()
    broker.receive("1")
    broker.messages[0].ack()
    broker.loop.advance(2)

    assert broker.calls.deleted == ["handle-1"]


@pytest.mark.parametrize("requeue", [True, False])
def test_a_rejected_message_is_not_dropped(broker: Broker, requeue: bool) -> None:
    broker.consume()
    broker.receive("1")
    broker.messages[0].reject(requeue=requeue)
    broker.loop.advance(60)

    assert broker.calls.deleted == []
    assert len(broker.messages) == 2


def test_a_reject_settles_the_noted_outcomes(broker: Broker) -> None:
    broker.consume()
    broker.receive("1")
    broker.channel.note_outcomes("handle-1", [DONE])
    broker.messages[0].reject()
    broker.loop.advance(2)

    assert broker.calls.deleted == ["handle-1"]


def test_the_pool_receives_as_many_messages_as_the_prefetch_count(broker: Broker) -> None:
    broker.channel.basic_qos(0, 2, False)
    broker.consume()
    broker.receive("1", "2", "3", "4")
    assert len(broker.messages) == 2

    broker.messages[0].ack()
    assert len(broker.messages) == 3


def test_a_cancelled_consumer_gives_back_waiting_messages(broker: Broker) -> None:
    broker.channel.basic_qos(0, 1, False)
    broker.consume()
    broker.receive("1", "2", "3")
    broker.loop.call_soon(broker.receive, "late")
    broker.channel.basic_cancel("consumer")

    running = {f"handle-{one['message_id']}" for one in _events(broker.messages[0])}
    everything = {"handle-1", "handle-2", "handle-3", "handle-late"}
    assert set(broker.calls.released) == everything - running
    assert len(broker.messages) == 1


def test_a_closed_channel_gives_back_running_messages(broker: Broker) -> None:
    broker.consume()
    broker.receive("running", "finished")
    broker.messages[1].ack()
    broker.loop.call_soon(broker.calls.answer_all, "ReceiveMessage")
    broker.channel.close()

    assert broker.calls.released == ["handle-running"]
    assert broker.calls.deleted == ["handle-finished"]


def test_a_message_that_finishes_between_cancel_and_close_is_deleted(broker: Broker) -> None:
    broker.consume()
    broker.receive("slow")
    broker.loop.call_soon(broker.calls.answer_all, "ReceiveMessage")
    broker.channel.basic_cancel("consumer")
    broker.messages[0].ack()

    assert broker.calls.deleted == ["handle-slow"]


def test_without_celerys_event_loop_nothing_is_consumed(broker: Broker) -> None:
    broker.channel.hub = None

    with pytest.raises(ImproperlyConfigured, match="prefork, threads or solo"):
        broker.consume()


def test_messages_are_not_consumed_without_acknowledging(broker: Broker) -> None:
    with pytest.raises(ImproperlyConfigured, match="acknowledgement"):
        broker.consume(no_ack=True)


def test_a_worker_with_wrong_aws_settings_does_not_connect_again_and_again(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: Any, **_options: Any) -> None:
        raise ProfileNotFound(profile="nope")

    monkeypatch.setattr(Channel, "sqs", refuse)

    with pytest.raises(
        ImproperlyConfigured, match=r"profile \(nope\) .* Correct the variables AWS"
    ):
        broker.consume()


def test_a_queue_that_is_not_fifo_is_not_consumed(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Channel, "_new_queue", lambda _channel, queue: f"https://sqs/1/{queue}")

    with pytest.raises(ImproperlyConfigured, match=r"standard: .* FIFO queues"):
        broker.consume("standard")


def publish(broker: Broker, **properties: Any) -> None:
    Producer(broker.channel).publish(
        [[], {}, {}],
        serializer="json",
        routing_key=QUEUE,
        headers={"task": "tick"},
        **properties,
    )


def test_a_published_message_carries_its_group_and_stays_readable(broker: Broker) -> None:
    publish(broker, MessageGroupId="g", MessageDeduplicationId="once")

    (sent,) = broker.sqs.sent
    assert (sent["QueueUrl"], sent["MessageGroupId"]) == (QUEUE_URL, "g")
    assert sent["MessageDeduplicationId"] == "once"
    document = json.loads(sent["MessageBody"])
    assert (document["headers"]["task"], document["body"]) == ("tick", "[[], {}, {}]")


@pytest.mark.parametrize(
    "properties", [{}, {"MessageGroupId": "g"}, {"MessageDeduplicationId": "once"}]
)
def test_nothing_is_published_without_a_group_and_a_deduplication_id(
    broker: Broker, properties: dict[str, str]
) -> None:
    with pytest.raises(UnsupportedOnFifo, match="needs a group"):
        publish(broker, **properties)
    assert broker.sqs.sent == []


def _events(message: Message) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = json.loads(message.body)[0][0]
    return events


@pytest.mark.parametrize(
    ("visibility_timeout", "seconds"), [(60, 20), (3600, 20), (30, 10), (2, 1)]
)
def test_a_poll_takes_at_most_a_third_of_a_lease(visibility_timeout: int, seconds: int) -> None:
    options = Options(dead_letter_queue_url="dlq.fifo", visibility_timeout=visibility_timeout)

    assert options.poll_seconds == seconds


@pytest.mark.parametrize("url", ["", "https://sqs.example.org/1/letters"])
def test_nothing_is_consumed_without_a_fifo_queue_for_dead_letters(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="nowhere to go"):
        Options(dead_letter_queue_url=url)
