"""The required values of queue attributes, and the consequences of other values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.conf import settings

from apps.common import aws
from operations.doctor.findings import Finding, Status, error, ok, skipped

PROVISION = "Run: python manage.py provision"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A required value of an attribute, and the consequence and status of any other value."""

    name: str
    attribute: str
    expected: str
    unit: str
    consequence: str
    status: Status = Status.ERROR
    only_fifo: bool = False


DEDUPLICATION = Rule(
    name="deduplication",
    attribute="DeduplicationScope",
    expected="messageGroup",
    unit="",
    consequence="an event is lost if two groups use the same deduplication id",
    only_fifo=True,
)
THROUGHPUT = Rule(
    name="throughput",
    attribute="FifoThroughputLimit",
    expected="perMessageGroupId",
    unit="",
    consequence="all groups together are limited to 300 calls a second",
    status=Status.WARNING,
    only_fifo=True,
)
RETENTION = Rule(
    name="retention",
    attribute="MessageRetentionPeriod",
    expected=str(aws.SQS_MAX_RETENTION_SECONDS),
    unit=" s",
    consequence="the worker assumes 14 days, so events that wait longer than this are lost",
)
SIZE = Rule(
    name="size",
    attribute="MaximumMessageSize",
    expected=str(aws.SQS_MAX_MESSAGE_BYTES),
    unit=" bytes",
    consequence="larger events are refused, and a larger dead letter blocks its group",
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
        consequence="workers set the timeout with each receive, but other clients use the queue's",
        status=Status.WARNING,
    )
    return [visibility, *rules]


def names_of_checks(queue: str) -> list[str]:
    """Return the names of the checks of a queue, which is sqs.queue or sqs.dlq."""
    return [f"{queue}.fifo", *(f"{queue}.{rule.name}" for rule in _rules(queue))]


def check_attributes(
    queue: str, attributes: Mapping[str, str], *, setting: str
) -> Iterator[Finding]:
    """Yield a finding for each attribute. `setting` is the name of the setting with the URL."""
    is_fifo = attributes.get("FifoQueue") == "true"
    if is_fifo:
        yield ok(f"{queue}.fifo", "The queue is a FIFO queue.")
    else:
        yield error(
            f"{queue}.fifo",
            "The queue is a standard queue, which keeps no order and cannot become a FIFO queue.",
            f"Set {setting} to the URL of a new queue whose name ends in .fifo, then run: "
            "python manage.py provision",
        )
    for rule in _rules(queue):
        if rule.only_fifo and not is_fifo:
            yield skipped(f"{queue}.{rule.name}", "Only FIFO queues have this attribute.")
        else:
            yield _attribute_finding(
                f"{queue}.{rule.name}", rule, attributes.get(rule.attribute, "not set")
            )


def _attribute_finding(check: str, rule: Rule, value: str) -> Finding:
    if value == rule.expected:
        return ok(check, f"{rule.attribute} is {value}{rule.unit}.")
    return Finding(
        check=check,
        status=rule.status,
        found=f"{rule.attribute} is {value}, not {rule.expected}{rule.unit}: {rule.consequence}.",
        remedy=PROVISION,
    )
