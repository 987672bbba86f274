"""The model of SQS checks requests as AWS does, and returns messages in the same form."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest

from testbed.sqs.account import Account
from testbed.sqs.attributes import checked_attributes
from testbed.sqs.errors import SqsError
from testbed.sqs.message import Message, attributes_digest
from testbed.sqs.presentation import shown_message, wanted_system_attributes
from testbed.sqs.validation import check_batch, check_batch_size, checked_message

TEXT = {"DataType": "String", "StringValue": "v"}
DEAD_ARN = "arn:aws:sqs:us-east-1:123456789012:dead.fifo"


def request(**changes: Any) -> dict[str, Any]:
    """Return a valid send with changes. The value None leaves a parameter out."""
    parameters = {
        "MessageBody": "body",
        "MessageGroupId": "group",
        "MessageDeduplicationId": "deduplication",
        **changes,
    }
    return {name: value for name, value in parameters.items() if value is not None}


def refusal(sent: Mapping[str, Any], **attributes: str) -> SqsError:
    with pytest.raises(SqsError) as error:
        checked_message(request=sent, queue=checked_attributes(attributes))
    return error.value


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"MessageBody": ""}, "MissingParameter"),
        ({"MessageGroupId": None}, "MissingParameter"),
        ({"MessageDeduplicationId": None}, "InvalidParameterValue"),
        ({"DelaySeconds": 1}, "InvalidParameterValue"),
        ({"MessageGroupId": "g" * 129}, "InvalidParameterValue"),
        ({"MessageGroupId": "with space"}, "InvalidParameterValue"),
        ({"MessageDeduplicationId": "é"}, "InvalidParameterValue"),
        ({"MessageBody": "nul \x00"}, "InvalidMessageContents"),
        ({"MessageBody": "surrogate \ud800"}, "InvalidMessageContents"),
        ({"MessageBody": "not a character \uffff"}, "InvalidMessageContents"),
        (
            {"MessageAttributes": {"a": {"DataType": "String", "StringValue": "\x01"}}},
            "InvalidMessageContents",
        ),
        (
            {"MessageAttributes": {f"a{number}": TEXT for number in range(11)}},
            "InvalidParameterValue",
        ),
        ({"MessageAttributes": {"AWS.trace": TEXT}}, "InvalidParameterValue"),
        ({"MessageAttributes": {"two..periods": TEXT}}, "InvalidParameterValue"),
        (
            {"MessageAttributes": {"a": {"DataType": "Text", "StringValue": "v"}}},
            "InvalidParameterValue",
        ),
        (
            {"MessageAttributes": {"a": {"DataType": "String", "StringValue": ""}}},
            "InvalidParameterValue",
        ),
    ],
)
def test_a_send_with_a_wrong_parameter_is_refused(changes: dict[str, Any], code: str) -> None:
    assert refusal(request(**changes)).code == code


def test_a_send_may_have_any_character_that_xml_allows_and_ten_attributes() -> None:
    body = "\t\r\n ~\ud7ff\ue000\ufffd\U00010000\U0010ffff"
    attributes = {f"a-{number}.b_": TEXT for number in range(10)}
    sent = request(MessageBody=body, MessageAttributes=attributes, MessageGroupId="!" * 128)
    message = checked_message(request=sent, queue=checked_attributes({}))
    assert (message.body, message.attributes) == (body, attributes)


def test_the_size_counts_the_body_and_names_types_and_values_of_attributes() -> None:
    attribute = {"DataType": "Binary", "BinaryValue": base64.b64encode(b"12345").decode()}
    fitting = request(MessageBody="é" * 506, MessageAttributes={"a": attribute})
    assert len(b"aBinary12345") + 2 * 506 == 1024
    checked_message(request=fitting, queue=checked_attributes({"MaximumMessageSize": "1024"}))
    longer = {**fitting, "MessageBody": fitting["MessageBody"] + "x"}
    assert "shorter than 1024 bytes" in refusal(longer, MaximumMessageSize="1024").message


def test_a_queue_with_content_based_deduplication_needs_no_deduplication_id() -> None:
    queue = checked_attributes({"ContentBasedDeduplication": "true"})
    digests = {
        checked_message(
            request=request(MessageDeduplicationId=None, MessageAttributes=attributes), queue=queue
        ).deduplication_id
        for attributes in ({}, {"a": TEXT})
    }
    assert digests == {"230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5"}
    own = checked_message(request=request(), queue=queue)
    assert own.deduplication_id == "deduplication"


@pytest.mark.parametrize(
    ("ids", "code"),
    [
        ([], "EmptyBatchRequest"),
        ([str(number) for number in range(11)], "TooManyEntriesInBatchRequest"),
        (["1", "1"], "BatchEntryIdsNotDistinct"),
        (["no spaces"], "InvalidBatchEntryId"),
    ],
)
def test_a_batch_with_wrong_entries_is_refused_as_a_whole(ids: list[str], code: str) -> None:
    with pytest.raises(SqsError) as error:
        check_batch(action="SendMessageBatch", entries=[{"Id": id_} for id_ in ids])
    assert error.value.code == code


def test_the_messages_of_a_batch_have_one_mebibyte_together() -> None:
    half = {"MessageBody": "x" * (512 * 1024)}
    check_batch_size([half, half])
    with pytest.raises(SqsError, match=r"1048576 bytes\. You have sent 1048577 bytes"):
        check_batch_size([half, half, {"MessageBody": "x"}])


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({"VisibilityTimeout": "43201"}, "InvalidAttributeValue"),
        ({"MessageRetentionPeriod": "59"}, "InvalidAttributeValue"),
        ({"MaximumMessageSize": "-1"}, "InvalidAttributeValue"),
        ({"ContentBasedDeduplication": "yes"}, "InvalidAttributeValue"),
        ({"QueueArn": DEAD_ARN}, "InvalidAttributeName"),
        ({"Colour": "blue"}, "InvalidAttributeName"),
        ({"FifoThroughputLimit": "perMessageGroupId"}, "InvalidParameterValue"),
        ({"RedrivePolicy": "{}"}, "InvalidParameterValue"),
        (
            {"RedrivePolicy": json.dumps({"deadLetterTargetArn": "x", "maxReceiveCount": 1})},
            "InvalidParameterValue",
        ),
        (
            {"RedrivePolicy": json.dumps({"deadLetterTargetArn": DEAD_ARN, "maxReceiveCount": 0})},
            "InvalidParameterValue",
        ),
        ({"DelaySeconds": "1"}, "UnsupportedOperation"),
    ],
)
def test_a_wrong_attribute_of_a_queue_is_refused(attributes: dict[str, str], code: str) -> None:
    with pytest.raises(SqsError) as error:
        checked_attributes(attributes)
    assert error.value.code == code


def test_queues_are_created_once_cannot_be_recreated_for_a_minute_and_can_be_hidden() -> None:
    account = Account(greedy=False)
    fifo = {"FifoQueue": "true"}
    policy = json.dumps({"deadLetterTargetArn": DEAD_ARN, "maxReceiveCount": 2})

    def code(name: str, attributes: dict[str, str], now: float = 0) -> str:
        with pytest.raises(SqsError) as error:
            account.create(name=name, attributes=attributes, now=now)
        return error.value.code

    assert code("q.fifo", {**fifo, "RedrivePolicy": policy}) == "InvalidParameterValue"
    assert code("q.fifo", {}) == "InvalidParameterValue"
    assert code("q", fifo) == "InvalidParameterValue"
    assert code("standard", {}) == "UnsupportedOperation"
    dead = account.create(name="dead.fifo", attributes=fifo, now=0)
    queue = account.create(name="q.fifo", attributes={**fifo, "RedrivePolicy": policy}, now=0)
    assert account.create(name="q.fifo", attributes=fifo, now=1) is queue
    assert code("q.fifo", {**fifo, "VisibilityTimeout": "31"}) == "QueueNameExists"
    assert account.dead_letter_queue(queue=queue) is dead
    assert account.names(prefix="q", now=0) == ["q.fifo"]

    account.hide(name="q.fifo", until=10)
    with pytest.raises(SqsError, match="does not exist"):
        account.find(name="q.fifo", now=9)
    assert account.names(prefix="", now=9) == ["dead.fifo"]
    assert account.find(name="q.fifo", now=10) is queue

    account.delete(name="q.fifo", now=20)
    assert code("q.fifo", fifo, now=79) == "QueueDeletedRecently"
    assert account.create(name="q.fifo", attributes=fifo, now=80) is not queue


def test_a_received_message_has_the_attributes_that_were_asked_for() -> None:
    message = Message(
        message_id="id",
        sequence=18849496460467696384,
        body="body",
        group_id="g",
        deduplication_id="d",
        attributes={"bar.one": TEXT, "bar.two": TEXT, "foo": TEXT},
        sent_at=1.5,
        receive_count=2,
        first_received_at=2.25,
    )

    def shown(names: list[str], patterns: list[str]) -> dict[str, Any]:
        wanted = wanted_system_attributes({"MessageSystemAttributeNames": names})
        return shown_message(message=message, system_attributes=wanted, attribute_patterns=patterns)

    assert set(shown([], [])) == {"MessageId", "ReceiptHandle", "MD5OfBody", "Body"}
    asked = shown(["SentTimestamp", "SequenceNumber"], ["bar.*", "absent"])
    assert asked["Attributes"] == {
        "SentTimestamp": "1500",
        "SequenceNumber": "18849496460467696384",
    }
    assert set(asked["MessageAttributes"]) == {"bar.one", "bar.two"}
    assert asked["MD5OfMessageAttributes"] == attributes_digest(asked["MessageAttributes"])
    assert set(shown(["All"], ["foo"])["MessageAttributes"]) == {"foo"}
    assert shown(["All"], [".*"])["Attributes"]["ApproximateFirstReceiveTimestamp"] == "2250"
    with pytest.raises(SqsError, match="Unknown Attribute Colour"):
        shown(["Colour"], [])


def test_the_digest_of_attributes_covers_names_types_and_values_in_order() -> None:
    binary = {"DataType": "Binary", "BinaryValue": base64.b64encode(b"v").decode()}
    digests = [
        attributes_digest({"a": TEXT, "b": binary}),
        attributes_digest({"b": binary, "a": TEXT}),
        attributes_digest({"a": binary, "b": TEXT}),
        attributes_digest({"a": TEXT}),
    ]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3
