"""Events are sent and quarantined before the service starts, with the places of their sending."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config

from celery_sqs_fifo.place import Place
from testbed.sqs import running_sqs_server
from testbed.traffic.effects import MAX_SECONDS_APART, time_on_queue
from testbed.traffic.redriving import earlier_events
from testbed.traffic.stream import Stream


@pytest.fixture(params=[False, True], ids=["in turn", "greedy"])
def sqs(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A client of a server with two queues, which stamps every second message too early."""
    with running_sqs_server(greedy=request.param) as server:
        client = boto3.client(
            "sqs",
            endpoint_url=server.url,
            region_name="us-east-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            config=Config(proxies={}),
        )
        for name in ("events.fifo", "letters.fifo"):
            client.create_queue(QueueName=name, Attributes={"FifoQueue": "true"})
        server.separate_clocks(queue="events.fifo", seconds=MAX_SECONDS_APART)
        yield client


def received(sqs: Any, url: str) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    while found := sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=10,
        MessageSystemAttributeNames=["All"],
        MessageAttributeNames=["All"],
    ).get("Messages"):
        for message in found:
            messages.append(message)
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return messages


def test_letters_have_the_places_of_their_events_and_the_others_stay_on_the_queue(
    sqs: Any,
) -> None:
    events, letters = (
        sqs.get_queue_url(QueueName=name)["QueueUrl"] for name in ("events.fifo", "letters.fifo")
    )
    stream = Stream(seed=1, start=datetime.now(UTC), rate=50, redriven=2, reopened=1)

    with earlier_events(
        stream.earlier, sqs=sqs, queue_url=events, dead_letter_queue_url=letters
    ) as sent:
        assert received(sqs, events) == []

    assert [one.event for one in sent] == stream.earlier
    redriven = {one.message_id: one for one in sent if one.event.is_redriven}
    for letter in received(sqs, letters):
        texts = {name: one["StringValue"] for name, one in letter["MessageAttributes"].items()}
        one = redriven.pop(texts["source_message_id"])
        place = Place.parse(texts["place"])
        earliest, latest = time_on_queue(one)
        queue_time = datetime.fromtimestamp(place.queue_time / 1_000, UTC)
        assert (place.sequence_number, place.group) == (one.sequence_number, one.event.group_id)
        assert earliest <= queue_time <= latest
        assert letter["Body"] == one.event.body
        assert letter["Attributes"]["MessageGroupId"] == one.event.group_id
        assert texts["event_type"] == one.event.attributes["event_type"]
    assert redriven == {}
    left = {message["MessageId"] for message in received(sqs, events)}
    assert left == {one.message_id for one in sent if not one.event.is_redriven}


def test_events_of_a_second_group_are_before_the_close_in_every_clock(sqs: Any) -> None:
    events, letters = (
        sqs.get_queue_url(QueueName=name)["QueueUrl"] for name in ("events.fifo", "letters.fifo")
    )
    stream = Stream(seed=1, start=datetime.now(UTC), rate=50, redriven=1)

    with earlier_events(stream.earlier, sqs=sqs, queue_url=events, dead_letter_queue_url=letters):
        pass

    times = {
        message["Body"]: int(message["Attributes"]["SentTimestamp"])
        for message in received(sqs, events)
    }
    (close,) = [one for one in stream.earlier if one.kind == "close"]
    of_second = [
        one for one in stream.earlier if one.group_id != close.group_id and not one.is_redriven
    ]
    assert of_second
    assert all(times[one.body] < times[close.body] for one in of_second)
