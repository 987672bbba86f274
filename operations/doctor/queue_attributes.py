"""What the attributes of a queue must be, and what is at stake."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.conf import settings

from apps.common import aws
from operations.doctor.findings import Finding, Status, error, ok, skipped

PROVISION = "Run: python manage.py provision"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One attribute: its value, what another one does, and how bad that is."""

    name: str
    attribute: str
    expected: str
    unit: str
    otherwise: str
    status: Status = Status.ERROR
    only_fifo: bool = False


DEDUPLICATION = Rule(
    name="deduplication",
    attribute="DeduplicationScope",
    expected="messageGroup",
    unit="",
    otherwise="two groups that use one deduplication id lose an event",
    only_fifo=True,
)
THROUGHPUT = Rule(
    name="throughput",
    attribute="FifoThroughputLimit",
    expected="perMessageGroupId",
    unit="",
    otherwise="all groups together get 300 calls a second",
    status=Status.WARNING,
    only_fifo=True,
)
RETENTION = Rule(
    name="retention",
    attribute="MessageRetentionPeriod",
    expected=str(aws.SQS_MAX_RETENTION_SECONDS),
    unit=" s",
    otherwise="the worker counts on 14 days, and what waits longer than the queue keeps it is lost",
)
SIZE = Rule(
    name="size",
    attribute="MaximumMessageSize",
    expected=str(aws.SQS_MAX_MESSAGE_BYTES),
    unit=" bytes",
    otherwise="a larger event is refused, and if it is a dead letter its group waits",
)


def _rules(queue: str) -> list[Rule]:
    rules = [RETENTION, SIZE, DEDUPLICATION, THROUGHPUT]
    if queue == "sqs.dlq":
        return rules
    visibility = Rule(
        name="visibility",
        attribute="VisibilityTimeout",
        expected=str(settings.SQS_CONVERSATION_VISIBILITY_TIMEOUT),
        unit=" s",
        otherwise="workers ask for their own setting at each receipt, others get the queue's",
        status=Status.WARNING,
    )
    return [visibility, *rules]


def names_of_checks(queue: str) -> list[str]:
    """The checks of a queue's attributes; `queue` is sqs.queue or sqs.dlq."""
    return [f"{queue}.fifo", *(f"{queue}.{rule.name}" for rule in _rules(queue))]


def check_attributes(
    queue: str, attributes: Mapping[str, str], *, setting: str
) -> Iterator[Finding]:
    """One finding for each attribute; `setting` is the one that has the queue's URL."""
    is_fifo = attributes.get("FifoQueue") == "true"
    if is_fifo:
        yield ok(f"{queue}.fifo", "It is a FIFO queue.")
    else:
        yield error(
            f"{queue}.fifo",
            "It is a standard queue, which keeps no order, and cannot become a FIFO queue.",
            f"Set {setting} to the URL of a new queue whose name ends in .fifo, then run: "
            "python manage.py provision",
        )
    for rule in _rules(queue):
        if rule.only_fifo and not is_fifo:
            yield skipped(f"{queue}.{rule.name}", "Only FIFO queues have it.")
        else:
            yield _compared(f"{queue}.{rule.name}", rule, attributes.get(rule.attribute, "not set"))


def _compared(check: str, rule: Rule, value: str) -> Finding:
    if value == rule.expected:
        return ok(check, f"{rule.attribute} is {value}{rule.unit}.")
    return Finding(
        check=check,
        status=rule.status,
        found=f"{rule.attribute} is {value}, not {rule.expected}{rule.unit}: {rule.otherwise}.",
        remedy=PROVISION,
    )
