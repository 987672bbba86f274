"""The findings of `manage.py doctor` about queues with wrong attributes."""

from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import settings as service_settings

from operations.doctor import queues
from operations.doctor.findings import Finding, Status
from testbed.sqs import SqsServer
from testbed.sqs.fifo import Fifo, client_of

PROVISION = "python manage.py provision"
FOUR_DAYS = str(4 * 24 * 3600)
MAIN, DEAD = "SQS_CONVERSATION_QUEUE_URL", "SQS_CONVERSATION_DLQ_URL"


def of_queues() -> dict[str, Finding]:
    """Return the findings about both queues, by check."""
    return {finding.check: finding for finding in queues.check()}


def bad(findings: dict[str, Finding]) -> set[str]:
    """Return the checks that found a warning or an error."""
    return {
        check
        for check, finding in findings.items()
        if finding.status in (Status.ERROR, Status.WARNING)
    }


@dataclass(frozen=True, kw_only=True)
class Break:
    """A wrong value for an attribute of a queue, and the finding that it must cause."""

    setting: str
    attribute: str
    value: str
    check: str
    status: Status
    found: str


BREAKS = (
    Break(
        setting=MAIN,
        attribute="VisibilityTimeout",
        value="30",
        check="sqs.queue.visibility",
        status=Status.WARNING,
        found="VisibilityTimeout is 30, not 60 s",
    ),
    Break(
        setting=MAIN,
        attribute="MessageRetentionPeriod",
        value=FOUR_DAYS,
        check="sqs.queue.retention",
        status=Status.ERROR,
        found="MessageRetentionPeriod is 345600, not 1209600 s",
    ),
    Break(
        setting=DEAD,
        attribute="MessageRetentionPeriod",
        value=FOUR_DAYS,
        check="sqs.dlq.retention",
        status=Status.ERROR,
        found="MessageRetentionPeriod is 345600, not 1209600 s",
    ),
    Break(
        setting=MAIN,
        attribute="MaximumMessageSize",
        value="262144",
        check="sqs.queue.size",
        status=Status.ERROR,
        found="MaximumMessageSize is 262144, not 1048576 bytes",
    ),
    Break(
        setting=DEAD,
        attribute="MaximumMessageSize",
        value="262144",
        check="sqs.dlq.size",
        status=Status.ERROR,
        found="MaximumMessageSize is 262144, not 1048576 bytes",
    ),
    Break(
        setting=MAIN,
        attribute="FifoThroughputLimit",
        value="perQueue",
        check="sqs.queue.throughput",
        status=Status.WARNING,
        found="FifoThroughputLimit is perQueue, not perMessageGroupId",
    ),
    Break(
        setting=MAIN,
        attribute="DeduplicationScope",
        value="queue",
        check="sqs.queue.deduplication",
        status=Status.ERROR,
        found="DeduplicationScope is queue, not messageGroup",
    ),
)


@pytest.mark.parametrize("wrong", BREAKS, ids=lambda wrong: wrong.check)
def test_the_remedy_corrects_a_wrong_attribute(sqs: Any, wrong: Break) -> None:
    sqs.set_queue_attributes(
        QueueUrl=getattr(service_settings, wrong.setting),
        Attributes={wrong.attribute: wrong.value},
    )

    findings = of_queues()

    assert bad(findings) == {wrong.check}
    assert findings[wrong.check].status is wrong.status
    assert findings[wrong.check].found.startswith(wrong.found)
    assert findings[wrong.check].remedy == f"Run: {PROVISION}"


def arn(sqs: Any, url: str) -> str:
    """Return the ARN of a queue."""
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    return str(attributes["QueueArn"])


def redrive(sqs: Any, policy: str) -> Finding:
    """Return the finding about this redrive policy. All other findings are ok."""
    sqs.set_queue_attributes(
        QueueUrl=service_settings.SQS_CONVERSATION_QUEUE_URL, Attributes={"RedrivePolicy": policy}
    )
    findings = of_queues()
    assert bad(findings) <= {"sqs.queue.redrive"}
    return findings["sqs.queue.redrive"]


def test_a_redrive_policy_to_another_queue_is_found(sqs: Any) -> None:
    other = sqs.create_queue(QueueName="other.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]

    finding = redrive(
        sqs, f'{{"deadLetterTargetArn": "{arn(sqs, other)}", "maxReceiveCount": 100}}'
    )

    assert finding.status is Status.ERROR
    assert finding.found.startswith("The redrive policy points to other.fifo, which is not")
    assert "SQS_CONVERSATION_DLQ_URL" in finding.remedy


@pytest.mark.parametrize(("count", "status"), [(3, Status.ERROR), (500, Status.WARNING)])
def test_a_redrive_policy_with_a_wrong_receive_count_is_found(
    sqs: Any, count: int, status: Status
) -> None:
    target = arn(sqs, service_settings.SQS_CONVERSATION_DLQ_URL)

    finding = redrive(sqs, f'{{"deadLetterTargetArn": "{target}", "maxReceiveCount": {count}}}')

    assert finding.status is status
    assert f"{count} receives, not 100" in finding.found
    assert PROVISION in finding.remedy


def test_a_missing_redrive_policy_is_found(sqs: Any) -> None:
    url = service_settings.SQS_CONVERSATION_QUEUE_URL
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    kept = (
        "FifoQueue",
        "DeduplicationScope",
        "FifoThroughputLimit",
        "MaximumMessageSize",
        "MessageRetentionPeriod",
        "VisibilityTimeout",
    )
    sqs.delete_queue(QueueUrl=url)
    sqs.create_queue(
        QueueName="conversations.fifo", Attributes={name: attributes[name] for name in kept}
    )

    findings = of_queues()

    assert bad(findings) == {"sqs.queue.redrive"}
    assert findings["sqs.queue.redrive"].found.startswith("There is no redrive policy")


@pytest.mark.parametrize(
    ("setting", "check"), [(MAIN, "sqs.queue"), (DEAD, "sqs.dlq")], ids=["queue", "dlq"]
)
def test_a_standard_queue_is_found(sqs: Any, settings: Any, setting: str, check: str) -> None:
    setattr(settings, setting, sqs.create_queue(QueueName="standard")["QueueUrl"])

    findings = of_queues()

    assert findings[f"{check}.fifo"].status is Status.ERROR
    assert findings[f"{check}.fifo"].found.startswith("The queue is a standard queue")
    assert f"Set {setting} to the URL of a new queue" in findings[f"{check}.fifo"].remedy
    assert findings[f"{check}.deduplication"].status is Status.SKIPPED
    standard = sqs.get_queue_attributes(
        QueueUrl=getattr(settings, setting), AttributeNames=["ApproximateNumberOfMessages"]
    )
    assert standard["Attributes"] == {"ApproximateNumberOfMessages": "0"}


@pytest.mark.parametrize(
    ("setting", "check"), [(MAIN, "sqs.queue"), (DEAD, "sqs.dlq")], ids=["queue", "dlq"]
)
def test_a_missing_queue_is_found(sqs: Any, setting: str, check: str) -> None:
    url = getattr(service_settings, setting)
    sqs.delete_queue(QueueUrl=url)

    findings = of_queues()

    assert findings[check].status is Status.ERROR
    assert findings[check].found == f"There is no queue {url.rpartition('/')[2]}."
    assert setting in findings[check].remedy
    assert PROVISION in findings[check].remedy
    assert findings[f"{check}.may_send"].status is Status.SKIPPED


def test_checking_permissions_neither_receives_nor_sends_messages_on_the_strict_server(
    strict_sqs: SqsServer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", strict_sqs.url)
    strict_sqs.clear_faults()
    queue = Fifo(client=client_of(strict_sqs.url), server=strict_sqs)
    queue.client.send_message(
        QueueUrl=queue.url, MessageBody="{}", MessageGroupId="g", MessageDeduplicationId="1"
    )
    settings.SQS_CONVERSATION_QUEUE_URL = settings.SQS_CONVERSATION_DLQ_URL = queue.url

    findings = of_queues()

    asked = [check for check in findings if ".may_" in check]
    assert {findings[check].status for check in asked} == {Status.OK}
    (received,) = queue.receive()
    assert received["Attributes"]["ApproximateReceiveCount"] == "1"
    assert queue.receive() == []
