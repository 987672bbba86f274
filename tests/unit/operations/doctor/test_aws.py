"""The findings of `manage.py doctor` when AWS refuses calls or does not respond."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from django.conf import settings

from operations.doctor import aws, dynamodb, lake, queues
from operations.doctor.clocks import skew
from operations.doctor.findings import Finding, Status

CHECKS: dict[str, Callable[[], Iterator[Finding]]] = {
    "sqs": queues.check,
    "dynamodb": dynamodb.check,
    "firehose": lake.check,
}
START = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _firehose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "DATALAKE_URL", "firehose://answers")


def answered(
    service: str, answers: Sequence[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> dict[str, Finding]:
    """Return the findings if AWS refuses the doctor's calls with these codes, in this order."""
    client: Any = boto3.client(
        service,  # type: ignore[call-overload]
        region_name="us-east-1",
        config=Config(parameter_validation=False, retries={"total_max_attempts": 1}),
    )
    monkeypatch.setattr(aws, "make_client", lambda *_service, **_options: client)
    with Stubber(client) as stubber:
        for action, code in answers:
            stubber.add_client_error(action, service_error_code=code)
        findings = {finding.check: finding for finding in CHECKS[service]()}
        stubber.assert_no_pending_responses()
    return findings


QUEUE_PROBES = (
    "receive_message",
    "delete_message",
    "change_message_visibility",
    "send_message",
    "send_message",
    "receive_message",
    "delete_message",
)


def test_each_missing_permission_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = ["get_queue_attributes", "get_queue_attributes", *QUEUE_PROBES]

    findings = answered("sqs", [(call, "AccessDenied") for call in calls], monkeypatch)

    for name in ("receive", "delete", "hide", "send"):
        assert findings[f"sqs.queue.may_{name}"].status is Status.ERROR
    finding = findings["sqs.queue.may_hide"]
    assert finding.found == "sqs:ChangeMessageVisibility on conversations.fifo is not allowed."
    assert 'Allow "sqs:ChangeMessageVisibility" on conversations.fifo' in finding.remedy
    assert findings["sqs.dlq.may_send"].found.startswith("sqs:SendMessage on conversations-dlq")


def test_a_role_that_cannot_read_attributes_gets_only_a_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = [("get_queue_attributes", "AccessDeniedException")] * 2
    answers += [(call, "InvalidParameterValue") for call in QUEUE_PROBES]

    findings = answered("sqs", answers, monkeypatch)

    assert findings["sqs.queue"].status is findings["sqs.dlq"].status is Status.WARNING
    assert "sqs:GetQueueAttributes is not allowed" in findings["sqs.queue"].found
    assert findings["sqs.queue.retention"].status is Status.SKIPPED
    assert Status.ERROR not in {finding.status for finding in findings.values()}


def test_an_inconclusive_response_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [("get_queue_attributes", "AccessDenied")] * 2
    answers += [(call, "InternalError") for call in QUEUE_PROBES]

    finding = answered("sqs", answers, monkeypatch)["sqs.queue.may_receive"]

    assert finding.status is Status.WARNING
    assert finding.found == (
        "sqs:ReceiveMessage on conversations.fifo cannot be checked: InternalError."
    )


@pytest.mark.parametrize(
    ("service", "action", "code", "check"),
    [
        ("sqs", "get_queue_attributes", "InvalidClientTokenId", "sqs.queue"),
        ("sqs", "get_queue_attributes", "SignatureDoesNotMatch", "sqs.queue"),
        ("dynamodb", "describe_table", "UnrecognizedClientException", "dynamodb.table"),
        ("dynamodb", "describe_table", "ExpiredTokenException", "dynamodb.table"),
        ("firehose", "describe_delivery_stream", "UnrecognizedClientException", "lake.reachable"),
    ],
)
def test_wrong_credentials_are_found_once(
    monkeypatch: pytest.MonkeyPatch, service: str, action: str, code: str, check: str
) -> None:
    findings = answered(service, [(action, code)], monkeypatch)

    assert findings[check].status is Status.ERROR
    assert f"does not accept the credentials ({code})" in findings[check].found
    assert "aws sts get-caller-identity" in findings[check].remedy
    others = {finding.status for name, finding in findings.items() if name != check}
    assert others == {Status.SKIPPED}


def test_each_missing_permission_on_the_table_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = ("describe_table", "describe_time_to_live")
    probes = ("get_item", "query", "put_item", "batch_write_item")
    answers = [(call, "AccessDeniedException") for call in (*calls, *probes)]

    findings = answered("dynamodb", answers, monkeypatch)

    assert findings["dynamodb.table"].status is findings["dynamodb.ttl"].status is Status.WARNING
    assert findings["dynamodb.keys"].status is Status.SKIPPED
    for name, permission in (
        ("get", "GetItem"),
        ("query", "Query"),
        ("put", "PutItem"),
        ("batch_write", "BatchWriteItem"),
    ):
        finding = findings[f"dynamodb.may_{name}"]
        assert finding.status is Status.ERROR
        assert f'Allow "dynamodb:{permission}" on conversation_messages' in finding.remedy


def test_a_writable_stream_that_cannot_be_read_is_a_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = [
        ("describe_delivery_stream", "AccessDeniedException"),
        ("put_record_batch", "ValidationException"),
    ]

    findings = answered("firehose", answers, monkeypatch)

    assert findings["lake.reachable"].status is Status.WARNING
    assert "firehose:DescribeDeliveryStream" in findings["lake.reachable"].remedy
    assert findings["lake.may_put"].status is Status.OK


def test_a_stream_that_cannot_be_written_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [
        ("describe_delivery_stream", "AccessDeniedException"),
        ("put_record_batch", "AccessDeniedException"),
    ]

    finding = answered("firehose", answers, monkeypatch)["lake.may_put"]

    assert finding.status is Status.ERROR
    assert 'Allow "firehose:PutRecordBatch" on answers' in finding.remedy


def test_missing_credentials_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody-made-this-one")

    findings = {finding.check: finding for finding in queues.check()}

    assert findings["sqs.queue"].status is Status.ERROR
    assert "profile (nobody-made-this-one) could not be found" in findings["sqs.queue"].found
    assert "AWS_PROFILE" in findings["sqs.queue"].remedy


def test_an_invalid_endpoint_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "not a url")

    finding = next(queues.check())

    assert finding.status is Status.ERROR
    assert "AWS_ENDPOINT_URL_SQS" in finding.remedy


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServerError"])
def test_another_refusal_is_found_with_its_code(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    answers = [("describe_table", code), ("describe_time_to_live", code)]
    answers += [(call, code) for call in ("get_item", "query", "put_item", "batch_write_item")]

    finding = answered("dynamodb", answers, monkeypatch)["dynamodb.table"]

    assert finding.status is Status.ERROR
    assert finding.found == f"DynamoDB refuses ({code})."


def test_a_code_with_a_namespace_is_understood() -> None:
    for code in ("AWS.SimpleQueueService.NonExistentQueue", "com.amazonaws.sqs#QueueDoesNotExist"):
        refusal = ClientError({"Error": {"Code": code}}, "GetQueueAttributes")
        assert aws._refused(refusal).kind is aws.ReplyKind.MISSING


@pytest.mark.parametrize(("other", "expected"), [(0.5, 0), (1, 0), (-0.9, 0), (-10, 9), (30, -29)])
def test_a_clock_difference_excludes_the_time_of_the_call(other: float, expected: float) -> None:
    found = skew(
        other=START + timedelta(seconds=other),
        before=START,
        after=START + timedelta(seconds=1),
        resolution=timedelta(seconds=1),
    )

    assert found.total_seconds() == pytest.approx(expected)
