"""`manage.py provision` explains in a sentence what it cannot create or change."""

import io
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from django.conf import settings
from django.core.management import CommandError, call_command

from apps.common.aws import dynamodb_client
from embedded.network import free_port
from tests.support.endpoints import endpoint


def refusal() -> str:
    """Run the command, which must fail. Return its sentence."""
    with pytest.raises(CommandError) as refused:
        call_command("provision", stdout=io.StringIO())
    return str(refused.value)


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (
            "AccessDenied",
            "The credentials of this command may not call sqs:GetQueueUrl on "
            "conversations-dlq.fifo. Allow it in their policy",
        ),
        (
            "AWS.SimpleQueueService.QueueDeletedRecently",
            "conversations-dlq.fifo cannot be provisioned: it was deleted less than a minute ago.",
        ),
        (
            "InvalidAttributeValue",
            "AWS refuses sqs:GetQueueUrl on conversations-dlq.fifo: because (Invalid",
        ),
    ],
)
def test_a_refusal_of_aws_is_explained_in_a_sentence(
    code: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = boto3.client("sqs", region_name="us-east-1")
    monkeypatch.setattr("operations.provisioning.aws.sqs_client", lambda: client)
    with Stubber(client) as stubber:
        stubber.add_client_error(
            "get_queue_url", service_error_code=code, service_message="because."
        )

        assert refusal().startswith(sentence)


def test_aws_that_cannot_be_reached_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    with endpoint("sqs", f"http://127.0.0.1:{free_port()}", monkeypatch=monkeypatch):
        sentence = refusal()

    assert sentence.startswith("AWS cannot be called for conversations-dlq.fifo: Could not connect")
    assert "manage.py doctor" in sentence


def test_a_standard_queue_is_refused(sqs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    url = sqs.create_queue(QueueName="standard")["QueueUrl"]
    monkeypatch.setattr(settings, "SQS_CONVERSATION_QUEUE_URL", url)

    assert refusal().startswith("standard is a standard queue, which keeps no order")


@pytest.mark.usefixtures("aws")
def test_a_table_with_other_keys_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "DYNAMODB_MESSAGE_TABLE", "other")
    dynamodb_client().create_table(
        TableName="other",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )

    sentence = refusal()

    assert sentence.startswith("other has the keys id, not conversation_uuid, message_key.")
    assert "set DYNAMODB_MESSAGE_TABLE to an unused name" in sentence


@pytest.mark.usefixtures("aws")
def test_an_expiry_with_another_attribute_is_refused() -> None:
    client = boto3.client("dynamodb", region_name=settings.DYNAMODB_REGION)
    for enabled, attribute in ((False, "expires_at"), (True, "other")):
        specification = {"Enabled": enabled, "AttributeName": attribute}
        client.update_time_to_live(
            TableName=settings.DYNAMODB_MESSAGE_TABLE,
            TimeToLiveSpecification=specification,  # type: ignore[arg-type]
        )

    assert "uses the attribute other, not expires_at" in refusal()
