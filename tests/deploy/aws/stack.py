"""Applies the CloudFormation template to moto, as `aws cloudformation deploy` does on AWS."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from tests.support.cloudformation import TEMPLATE, resources

_NAME = "conversations"
_COMPUTED = ("CreatedTimestamp", "LastModifiedTimestamp", "QueueArn")
REGION = "us-east-1"
# moto creates a whole stack in one call, which a busy machine makes slow. If the call were repeated
# after botocore's minute, it would find the resources of the first one.
_ONCE = Config(read_timeout=300, retries={"total_max_attempts": 1})


@dataclass(frozen=True, kw_only=True)
class Applied:
    """The outputs of the stack, and clients with which tests look at what it has made."""

    outputs: Mapping[str, str]
    url: str

    def client(self, service: str) -> Any:
        """Return a client for a service of moto."""
        return client(service, url=self.url)


def client(service: str, *, url: str, access_key: str = "deployer") -> Any:
    """Return a client whose calls are signed with an access key."""
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=access_key,
        aws_secret_access_key="testing",
        config=_ONCE,
    )


def apply_template(url: str, **parameters: str) -> Applied:
    """Create the stack on the moto server at `url`, and return it.

    moto ignores the table's expiry and its point-in-time recovery, so the template's values are
    set by the calls that CloudFormation would make.
    """
    cloudformation = client("cloudformation", url=url)
    cloudformation.create_stack(
        StackName=_NAME,
        TemplateBody=TEMPLATE.read_text(encoding="utf-8"),
        Parameters=[
            {"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()
        ],
        Capabilities=["CAPABILITY_IAM"],
    )
    (found,) = cloudformation.describe_stacks(StackName=_NAME)["Stacks"]
    assert found["StackStatus"] == "CREATE_COMPLETE", found
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}
    applied = Applied(outputs=outputs, url=url)
    _complete_table(applied)
    return applied


def copy_queues(applied: Applied, *, to: str) -> None:
    """Create both queues of the stack on the strict SQS server, with the attributes that they have.

    moto numbers the messages of a group at random, so nothing that depends on their order works.
    """
    moto, strict = applied.client("sqs"), client("sqs", url=to)
    for output in ("DeadLetterQueueUrl", "QueueUrl"):
        url = applied.outputs[output]
        found = moto.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        given = {
            name: value
            for name, value in found.items()
            if not name.startswith("Approximate") and name not in _COMPUTED
        }
        strict.create_queue(QueueName=url.rpartition("/")[2], Attributes=given)


def _complete_table(applied: Applied) -> None:
    properties = resources()["Table"]["Properties"]
    name = applied.outputs["TableName"]
    dynamodb = applied.client("dynamodb")
    expiry = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert expiry["TimeToLiveStatus"] == "DISABLED", "moto sets it now: remove this function"
    dynamodb.update_time_to_live(
        TableName=name, TimeToLiveSpecification=properties["TimeToLiveSpecification"]
    )
    dynamodb.update_continuous_backups(
        TableName=name,
        PointInTimeRecoverySpecification=properties["PointInTimeRecoverySpecification"],
    )
