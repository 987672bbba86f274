"""The CloudFormation template agrees with the code and with docs/deployment.md."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from apps.messages import message_table
from operations.provisioning import KEYS, MAX_RECEIVE_COUNT, wanted_attributes
from tests.support.cloudformation import resources, template
from tests.support.pages import page, table_of

NAMES = {"Queue": "events' queue", "DeadLetterQueue": "dead-letter queue", "Table": "table"}
PAGE = page("docs/deployment.md")


@pytest.mark.parametrize("queue", ["Queue", "DeadLetterQueue"])
def test_a_queue_has_the_attributes_that_provision_sets(queue: str) -> None:
    properties = resources()[queue]["Properties"]
    parameter = properties["VisibilityTimeout"]["Ref"]
    properties["VisibilityTimeout"] = template()["Parameters"][parameter]["Default"]

    assert properties["FifoQueue"] is True
    assert {
        name: str(properties[name]).lower() if properties[name] is False else str(properties[name])
        for name in wanted_attributes()
    } == wanted_attributes()


def test_the_redrive_policy_is_that_of_provision() -> None:
    policy = resources()["Queue"]["Properties"]["RedrivePolicy"]

    assert policy == {
        "deadLetterTargetArn": {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]},
        "maxReceiveCount": MAX_RECEIVE_COUNT,
    }


def test_the_table_has_the_keys_and_the_expiry_of_the_service() -> None:
    properties = resources()["Table"]["Properties"]

    assert {key["KeyType"]: key["AttributeName"] for key in properties["KeySchema"]} == KEYS
    assert properties["TimeToLiveSpecification"] == {
        "AttributeName": message_table.EXPIRY,
        "Enabled": True,
    }


def test_the_key_encrypts_the_table_unless_a_parameter_says_otherwise() -> None:
    with_key = {
        "SSEEnabled": True,
        "SSEType": "KMS",
        "KMSMasterKeyId": {"Fn::GetAtt": ["Key", "Arn"]},
    }

    assert resources()["Table"]["Properties"]["SSESpecification"] == {
        "Fn::If": ["HasKey", with_key, {"Ref": "AWS::NoValue"}]
    }
    assert template()["Parameters"]["Encryption"]["Default"] == "customer-key"


def test_what_has_data_outlives_the_stack() -> None:
    kept = {"AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::SQS::Queue"}

    for resource in resources().values():
        if resource["Type"] in kept:
            assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == (
                "Retain",
                "Retain",
            )


def test_every_alarm_watches_a_resource_and_notifies_the_topic() -> None:
    alarms = {
        name: one["Properties"]
        for name, one in resources().items()
        if one["Type"] == "AWS::CloudWatch::Alarm"
    }
    topic = {"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]}

    assert {
        (one["Namespace"], one["MetricName"], str(one["Dimensions"])) for one in alarms.values()
    } == {
        ("AWS/SQS", "ApproximateAgeOfOldestMessage", dimension("QueueName", of_queue("Queue"))),
        (
            "AWS/SQS",
            "ApproximateNumberOfMessagesVisible",
            dimension("QueueName", of_queue("DeadLetterQueue")),
        ),
        ("AWS/DynamoDB", "ReadThrottleEvents", dimension("TableName", {"Ref": "Table"})),
        ("AWS/DynamoDB", "WriteThrottleEvents", dimension("TableName", {"Ref": "Table"})),
    }
    for one in alarms.values():
        assert one["AlarmActions"] == one["OKActions"] == topic
    assert [name.strip("`") for name, *_ in table_of(PAGE, head="Alarm")] == list(alarms)


def dimension(name: str, value: object) -> str:
    """Return the only dimension of an alarm as text."""
    return str([{"Name": name, "Value": value}])


def of_queue(logical_id: str) -> dict[str, list[str]]:
    """Return the name of a queue as a function of CloudFormation."""
    return {"Fn::GetAtt": [logical_id, "QueueName"]}


def granted() -> Iterator[tuple[str, str, str]]:
    """Yield each action of SQS and DynamoDB that a role allows: role, resource and action."""
    for role, resource in resources().items():
        if resource["Type"] != "AWS::IAM::Role":
            continue
        (policy,) = resource["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]:
            for action in listed(statement["Action"]):
                for target in listed(statement["Resource"]):
                    yield role, NAMES[target["Fn::GetAtt"][0]], action


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_the_page_lists_what_each_role_allows() -> None:
    rows = table_of(PAGE, head="Role")

    assert {
        (role.strip("`"), target, action.strip("`"))
        for role, target, actions in rows
        for action in actions.split(", ")
    } == set(granted())
    assert len(rows) == len({(role, target) for role, target, _ in granted()})


def test_the_page_lists_every_parameter_with_its_default() -> None:
    rows = table_of(PAGE, head="Parameter")

    assert [(name.strip("`"), default.strip("`")) for name, default, _ in rows] == [
        (name, str(one["Default"]) or "empty") for name, one in template()["Parameters"].items()
    ]


@pytest.mark.parametrize(
    ("parameter", "accepted", "refused"),
    [
        (
            "DatabaseSecretArn",
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/conversations-AbCdEf",
            "prod/conversations",
        ),
        (
            "DatabaseSecretKeyArn",
            "arn:aws-cn:kms:cn-north-1:123456789012:key/0f2b6a3e-0000-4000-8000-000000000000",
            "arn:aws:kms:us-east-1:123456789012:alias/secrets",
        ),
        (
            "DatabaseUserArns",
            "arn:aws:rds-db:us-east-1:123456789012:dbuser:cluster-ABCDEFGHIJKL01234/user",
            "arn:aws:rds:us-east-1:123456789012:db:conversations",
        ),
        (
            "DatabaseUserArns",
            "arn:aws:rds-db:us-east-1:123456789012:dbuser:db-ABCDEFGHIJKL01234/user",
            "arn:aws:rds-db:us-east-1:123456789012:dbuser:*/*",
        ),
    ],
)
def test_a_parameter_for_the_login_accepts_an_arn_of_the_right_kind_or_nothing(
    parameter: str, accepted: str, refused: str
) -> None:
    pattern = template()["Parameters"][parameter]["AllowedPattern"]

    assert re.fullmatch(pattern, accepted)
    assert re.fullmatch(pattern, "")
    assert not re.fullmatch(pattern, refused)


def test_the_page_lists_every_output() -> None:
    rows = [name.strip("`") for name, _ in table_of(PAGE, head="Output")]

    assert sorted(rows) == sorted(template()["Outputs"])
