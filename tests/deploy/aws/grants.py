"""What the roles of an applied template allow."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from tests.deploy.aws.recorder import Call
from tests.deploy.aws.stack import Applied


@dataclass(frozen=True)
class Grants:
    """The calls that a role allows, and the use of the key: an action and the service it is via."""

    calls: set[Call]
    key: set[tuple[str, str]]


def grants_of(applied: Applied, *, role: str) -> Grants:
    """Return what a role allows, by its logical id. Fail for what AWS would read differently."""
    grants = Grants(set(), set())
    arn = applied.outputs[f"{role}Arn"]
    for statement in _statements(applied, role=arn.rpartition("/")[2]):
        assert statement["Effect"] == "Allow"
        for action in _listed(statement["Action"]):
            for resource in _listed(statement["Resource"]):
                assert "*" not in action + resource
                _add(grants, action=action, resource=resource, statement=statement)
    return grants


def _add(grants: Grants, *, action: str, resource: str, statement: dict[str, Any]) -> None:
    if action.startswith("kms:"):
        service = statement["Condition"]["StringEquals"]["kms:ViaService"].partition(".")[0]
        grants.key.add((action, service))
        return
    assert "Condition" not in statement
    # arn:aws:sqs:REGION:ACCOUNT:NAME, and for tables and streams …:table/NAME.
    grants.calls.add(Call(action, resource.rpartition(":")[2].rpartition("/")[2]))


def _statements(applied: Applied, *, role: str) -> Iterator[dict[str, Any]]:
    iam = applied.client("iam")
    attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert attached == [], "The roles have only policies of their own."
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        found = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        # moto returns the policies of a stack's roles as Python writes a dict, which is YAML.
        policy = yaml.safe_load(found) if isinstance(found, str) else found
        yield from _listed(policy["Statement"])


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def needed_of_key(calls: set[Call], *, table: str) -> set[tuple[str, str]]:
    """Return how a program with these calls uses the key of the queues and the table.

    SQS and DynamoDB call KMS for it, so no call of the program shows this (Amazon SQS Developer
    Guide, "Key management"; Amazon DynamoDB Developer Guide, "Encryption at rest").
    """
    needed = set()
    for permission, resource in calls:
        if permission in ("sqs:SendMessage", "sqs:ReceiveMessage"):
            needed.add(("kms:Decrypt", "sqs"))
        if permission == "sqs:SendMessage":
            needed.add(("kms:GenerateDataKey", "sqs"))
        if resource == table and permission in _OF_ITEMS:
            needed.add(("kms:Decrypt", "dynamodb"))
    return needed


_OF_ITEMS = {f"dynamodb:{name}" for name in ("BatchWriteItem", "GetItem", "PutItem", "Query")}
