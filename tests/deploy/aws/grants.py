"""What the roles of an applied template allow."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import yaml

from tests.deploy.aws.recorder import Call
from tests.deploy.aws.stack import REGION, Applied


class KeyUse(NamedTuple):
    """A permission to use a key, its ARN, and the service of AWS that uses it for the program."""

    permission: str
    key: str
    via: str


@dataclass(frozen=True)
class Grants:
    """The calls that a role allows, and the uses of keys."""

    calls: set[Call]
    keys: set[KeyUse]


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
        (condition,) = statement["Condition"].items()
        assert condition[0] == "StringEquals"
        ((name, via),) = condition[1].items()
        assert name == "kms:ViaService"
        grants.keys.add(KeyUse(action, resource, via))
        return
    assert "Condition" not in statement
    # arn:aws:sqs:REGION:ACCOUNT:NAME, and for tables, streams and users …:table/NAME.
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


def needed_keys(calls: set[Call], *, table: str, key: str, secret_key: str) -> set[KeyUse]:
    """Return how a program with these calls uses the stack's key, and the key of its secret.

    SQS, DynamoDB and Secrets Manager call KMS for it, so no call of the program shows this (Amazon
    SQS Developer Guide, "Key management"; Amazon DynamoDB Developer Guide, "Encryption at rest";
    AWS Secrets Manager User Guide, "Secret encryption and decryption").
    """
    needed = set()
    for permission, resource in calls:
        if permission in ("sqs:SendMessage", "sqs:ReceiveMessage"):
            needed.add(KeyUse("kms:Decrypt", key, _address("sqs")))
        if permission == "sqs:SendMessage":
            needed.add(KeyUse("kms:GenerateDataKey", key, _address("sqs")))
        if resource == table and permission in _OF_ITEMS:
            needed.add(KeyUse("kms:Decrypt", key, _address("dynamodb")))
        if permission == READ_SECRET:
            needed.add(KeyUse("kms:Decrypt", secret_key, _address("secretsmanager")))
    return needed


def needed_logins(calls: set[Call], *, users: Collection[str]) -> set[Call]:
    """Return the permissions that a program needs if tokens of IAM replace the login in a secret.

    A token is made without a call, so no call shows that a program connects to PostgreSQL with it.
    But every program asks for the one or for the other at the same place: whenever it connects.
    """
    if not any(call.permission == READ_SECRET for call in calls):
        return set()
    return {Call("rds-db:connect", user) for user in users}


def _address(service: str) -> str:
    return f"{service}.{REGION}.amazonaws.com"


READ_SECRET = "secretsmanager:GetSecretValue"
_OF_ITEMS = {
    f"dynamodb:{name}" for name in ("BatchWriteItem", "GetItem", "PutItem", "Query", "Scan")
}
