"""Documented behaviours of SQS FIFO queues, each tried on a new queue.

A check returns whether the server does what AWS documents.
"""

import time
from collections.abc import Callable
from functools import partial
from uuid import uuid4

from testbed.sqs.fifo import Fifo, while_waiting
from tests.chaos.service_servers import sqs_client
from tests.foreign.behaviours import Check, Checks, is_refused

_MIB = 1_048_576

_GUIDE = "SQS Developer Guide"
SQS_CHECKS = Checks()


def try_sqs(url: str) -> dict[Check, bool]:
    """Check each documented behaviour on an SQS server, and return the results."""
    client = sqs_client(url)
    return {check: check.try_on(partial(Fifo, client=client, server=None)) for check in SQS_CHECKS}


@SQS_CHECKS.documented(
    "While a message of a group is in flight, no later one is delivered.",
    source=f"{_GUIDE}, FIFO queue delivery logic",
)
def _locks_groups(queue_of: Callable[..., Fifo]) -> bool:
    queue = queue_of()
    for body in ("a1", "a2", "b1"):
        queue.send(body)
    (head,) = queue.receive(limit=1)
    others = queue.received()
    queue.delete(head)
    return (head["Body"], others, queue.received()) == ("a1", ["b1"], ["a2"])


@SQS_CHECKS.documented(
    "A receive returns as many messages of one group as possible.",
    source=f"{_GUIDE}, FIFO queue delivery logic",
)
def _fills_receives_from_a_group(queue_of: Callable[..., Fifo]) -> bool:
    queue = queue_of()
    bodies = [f"a{number}" for number in range(10)]
    for body in bodies:
        queue.send(body)
    return queue.received() == bodies


@SQS_CHECKS.documented(
    "Messages whose timeouts have ended are delivered again in their order.",
    source=f"{_GUIDE}, FIFO queue delivery logic",
)
def _returns_in_order(queue_of: Callable[..., Fifo]) -> bool:
    queue = queue_of(VisibilityTimeout="1")
    bodies = [f"a{number}" for number in range(5)]
    for body in bodies:
        queue.send(body)
    first = queue.received()
    time.sleep(1.5)
    again: list[str] = []
    while messages := queue.receive():
        again += [message["Body"] for message in messages]
        for message in messages:
            queue.delete(message)
    return first == bodies[: len(first)] and again == bodies


@SQS_CHECKS.documented(
    "If only the first message of a group is visible again, it comes first.",
    source=f"{_GUIDE}, FIFO queue delivery logic",
)
def _returns_in_order_though_some_are_held(queue_of: Callable[..., Fifo]) -> bool:
    """Check the order after the death of a worker that had renewed only the later leases."""
    queue = queue_of(VisibilityTimeout="1")
    for body in ("a1", "a2", "a3"):
        queue.send(body)
    for later in queue.receive()[1:]:
        queue.change(later, timeout=3)
    time.sleep(1.5)
    first = queue.receive(limit=1)
    return [message["Body"] for message in first] == ["a1"]


@SQS_CHECKS.documented(
    "A repeated deduplication id is accepted, and not delivered again.",
    source=f"{_GUIDE}, Exactly-once processing",
)
def _deduplicates(queue_of: Callable[..., Fifo]) -> bool:
    queue = queue_of()
    sent = [queue.send(body, MessageDeduplicationId="one") for body in ("a1", "a2")]
    same = sent[0]["MessageId"] == sent[1]["MessageId"]
    return same and queue.received() == ["a1"] and queue.received() == []


@SQS_CHECKS.documented(
    "With the scope `messageGroup`, other groups may use the same id.",
    source="SQS API Reference, CreateQueue, DeduplicationScope",
)
def _deduplicates_by_group(queue_of: Callable[..., Fifo]) -> bool:
    queue = queue_of(DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId")
    for body in ("a1", "b1"):
        queue.send(body, MessageDeduplicationId="one")
    return sorted(queue.received()) == ["a1", "b1"]


@SQS_CHECKS.documented(
    "A repeated receive attempt returns the same messages.",
    source="SQS API Reference, ReceiveMessage, ReceiveRequestAttemptId",
)
def _repeats_attempts(queue_of: Callable[..., Fifo]) -> bool:
    queue = queue_of()
    for body in ("a1", "a2", "b1"):
        queue.send(body)
    attempt = uuid4().hex
    first = queue.received(ReceiveRequestAttemptId=attempt)
    return first != [] and first == queue.received(ReceiveRequestAttemptId=attempt)


@SQS_CHECKS.documented(
    "A delete after the timeout has ended fails, and the message stays.",
    source=f"{_GUIDE}, Visibility timeout",
)
def _refuses_late_deletes(queue_of: Callable[..., Fifo]) -> bool:
    queue = queue_of(VisibilityTimeout="1")
    queue.send("a1")
    (late,) = queue.receive()
    time.sleep(1.5)
    (again,) = queue.receive()
    answer = queue.client.delete_message_batch(
        QueueUrl=queue.url, Entries=[{"Id": "0", "ReceiptHandle": late["ReceiptHandle"]}]
    )
    queue.change(again, timeout=0)
    return len(answer.get("Failed", ())) == 1 and queue.received() == ["a1"]


@SQS_CHECKS.documented(
    "The sequence numbers of a group grow.",
    source="SQS API Reference, SendMessage, SequenceNumber",
)
def _numbers_messages(queue_of: Callable[..., Fifo]) -> bool:
    queue = queue_of()
    numbers = [int(queue.send(f"a{number}")["SequenceNumber"]) for number in range(20)]
    received = [int(message["Attributes"]["SequenceNumber"]) for message in queue.receive()]
    return numbers == sorted(set(numbers)) and received == numbers[: len(received)]


@SQS_CHECKS.documented(
    "A message has up to 1 MiB; a larger one is refused.",
    source=f"{_GUIDE}, Message quotas",
)
def _bounds_messages(queue_of: Callable[..., Fifo]) -> bool:
    queue = queue_of(MaximumMessageSize=str(_MIB))
    queue.send("a" * _MIB)
    return is_refused(lambda: queue.send("a" * (_MIB + 1)))


@SQS_CHECKS.documented(
    "A long poll ends as soon as a message arrives.",
    source=f"{_GUIDE}, Short and long polling",
)
def _wakes_polls(queue_of: Callable[..., Fifo]) -> bool:
    queue = queue_of()
    bodies, seconds = while_waiting(queue, lambda: queue.send("a1"))
    return bodies == ["a1"] and seconds < 2


@SQS_CHECKS.documented(
    "After `maxReceiveCount` receives, a message goes to the dead-letter queue.",
    source=f"{_GUIDE}, Dead-letter queues",
)
def _moves_dead_letters(queue_of: Callable[..., Fifo]) -> bool:
    letters = queue_of()
    arn = letters.attributes("QueueArn")["QueueArn"]
    policy = f'{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": 1}}'
    queue = queue_of(RedrivePolicy=policy)
    queue.send("a1")
    (only,) = queue.receive()
    queue.change(only, timeout=0)
    return queue.received() == [] and letters.received() == ["a1"]


@SQS_CHECKS.documented(
    "A visibility timeout is at most 12 hours.",
    source=f"{_GUIDE}, Visibility timeout",
)
def _bounds_leases(queue_of: Callable[..., Fifo]) -> bool:
    queue = queue_of()
    queue.send("a1")
    (only,) = queue.receive()
    queue.change(only, timeout=43_000)
    return is_refused(lambda: queue.change(only, timeout=43_201))
