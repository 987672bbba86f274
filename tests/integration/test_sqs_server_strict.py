"""The rules of SQS FIFO queues that moto breaks, checked with boto3 on the model.

The docstring of each test says how moto differs from AWS.
"""

import json
from collections.abc import Callable, Iterator

import pytest
from botocore.exceptions import ClientError

from testbed.sqs import SqsServer, running_sqs_server
from testbed.sqs.fifo import Fifo, client_of, error_code, while_waiting


@pytest.fixture(scope="module")
def server() -> Iterator[SqsServer]:
    with running_sqs_server() as server:
        yield server


@pytest.fixture
def model(server: SqsServer) -> Callable[..., Fifo]:
    """A factory of queues on the model."""
    client = client_of(server.url)
    return lambda **attributes: Fifo(client=client, server=server, **attributes)


def test_a_deduplication_id_is_remembered_after_the_message_is_deleted(
    model: Callable[..., Fifo],
) -> None:
    """moto forgets a deduplication id when its message is deleted."""
    queue = model()
    queue.send("a1", MessageDeduplicationId="same")
    queue.delete(queue.receive()[0])
    queue.send("a2", MessageDeduplicationId="same")
    assert queue.received() == []
    queue.pass_time(seconds=301)
    queue.send("a3", MessageDeduplicationId="same")
    assert queue.received() == ["a3"]


def test_a_duplicate_has_the_ids_of_the_first_one(model: Callable[..., Fifo]) -> None:
    """moto returns new ids."""
    queue = model()
    first = queue.send("a1", MessageDeduplicationId="same")
    second = queue.send("b2", MessageDeduplicationId="same")
    for name in ("MessageId", "SequenceNumber"):
        assert second[name] == first[name]


def test_deduplication_can_be_by_group(model: Callable[..., Fifo]) -> None:
    """moto deduplicates over the whole queue, whatever the scope."""
    queue = model(DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId")
    for body in ("a1", "b1", "a2"):
        queue.send(body, MessageDeduplicationId="same")
    assert sorted(queue.received()) == ["a1", "b1"]


def test_a_dead_letter_has_its_source_and_a_new_time_of_sending(model: Callable[..., Fifo]) -> None:
    """moto does not return the source, and keeps the first time of sending."""
    dead = model()
    arn = dead.attributes("QueueArn")["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    queue = dead.another(RedrivePolicy=policy)
    queue.send("a1")
    (first,) = queue.receive(VisibilityTimeout=0)
    queue.pass_time(seconds=60)
    assert queue.received() == []
    (letter,) = dead.receive()
    assert letter["Attributes"]["DeadLetterQueueSourceArn"].endswith(f":{queue.name}")
    sent, sent_again = (int(m["Attributes"]["SentTimestamp"]) for m in (first, letter))
    assert sent_again >= sent + 60_000


def test_a_handle_expires_with_its_lease(model: Callable[..., Fifo]) -> None:
    """moto accepts expired handles, and deletes messages that another consumer has received."""
    queue = model()
    queue.send("a1")
    (message,) = queue.receive(VisibilityTimeout=30)
    queue.pass_time(seconds=31)
    with pytest.raises(ClientError, match=r"InvalidParameterValue.*The receipt handle has expired"):
        queue.delete(message)
    assert error_code(lambda: queue.change(message, timeout=9)) == "InvalidParameterValue"
    answer = queue.client.delete_message_batch(
        QueueUrl=queue.url,
        Entries=[{"Id": "late", "ReceiptHandle": message["ReceiptHandle"]}],
    )
    assert answer["Failed"][0]["Code"] == "InvalidParameterValue"
    assert "The receipt handle has expired" in answer["Failed"][0]["Message"]
    assert queue.received() == ["a1"]


def test_sequence_numbers_increase_and_are_the_same_on_receipt(model: Callable[..., Fifo]) -> None:
    """moto's sequence numbers are random."""
    queue = model()
    sent = [queue.send(body)["SequenceNumber"] for body in ("a1", "b1", "a2")]
    assert sent == sorted(set(sent))
    received = [message["Attributes"]["SequenceNumber"] for message in queue.receive()]
    assert sorted(received) == sent


@pytest.mark.parametrize("how", ["delete", "release", "lease end", "clock"])
def test_a_long_poll_wakes_when_a_group_is_unlocked(model: Callable[..., Fifo], how: str) -> None:
    """moto waits for new messages, not for unlocked groups."""
    queue = model()
    queue.send("a1")
    queue.send("a2")
    (head,) = queue.receive(limit=1, VisibilityTimeout=1 if how == "lease end" else 60)
    actions: dict[str, Callable[[], object]] = {
        "delete": lambda: queue.delete(head),
        "release": lambda: queue.change(head, timeout=0),
        "lease end": lambda: None,
        "clock": lambda: queue.pass_time(seconds=61),
    }
    bodies, seconds = while_waiting(queue, actions[how])
    assert bodies == (["a2"] if how == "delete" else ["a1", "a2"])
    assert seconds < 2


def test_characters_outside_of_xml_are_refused(model: Callable[..., Fifo]) -> None:
    """moto accepts control characters, and answers a lone surrogate with 500."""
    queue = model()
    with pytest.raises(queue.client.exceptions.InvalidMessageContents):
        queue.send("a\x00")
    entries = [
        {"Id": id_, "MessageBody": body, "MessageGroupId": "g", "MessageDeduplicationId": id_}
        for id_, body in (("good", "x"), ("bad", "\ud800"))
    ]
    answer = queue.client.send_message_batch(QueueUrl=queue.url, Entries=entries)
    assert [entry["Id"] for entry in answer["Successful"]] == ["good"]
    assert [entry["Code"] for entry in answer["Failed"]] == ["InvalidMessageContents"]
