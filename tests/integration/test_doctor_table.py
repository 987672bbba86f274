"""The findings of `manage.py doctor` about a DynamoDB table with errors."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as service_settings

from apps.common.aws import dynamodb_client
from operations.doctor import dynamodb
from operations.doctor.findings import Finding, Status

PROVISION = "python manage.py provision"


def of_table() -> dict[str, Finding]:
    """Return the findings about the table, by check."""
    return {finding.check: finding for finding in dynamodb.check()}


def bad(findings: dict[str, Finding]) -> set[str]:
    """Return the checks that found a warning or an error."""
    return {
        check
        for check, finding in findings.items()
        if finding.status in (Status.ERROR, Status.WARNING)
    }


@pytest.mark.usefixtures("aws")
def test_a_missing_table_is_found(settings: Any) -> None:
    settings.DYNAMODB_MESSAGE_TABLE = "nowhere"

    findings = of_table()

    assert bad(findings) == {"dynamodb.table"}
    assert findings["dynamodb.table"].status is Status.ERROR
    assert findings["dynamodb.table"].found == "There is no table nowhere in us-east-1."
    assert PROVISION in findings["dynamodb.table"].remedy


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    ("names", "types"),
    [(["conversation_uuid"], "S"), (["contact", "message_key"], "S"), (["a", "b"], "N")],
    ids=["no sort key", "another partition key", "numbers"],
)
def test_wrong_keys_are_found(settings: Any, names: list[str], types: str) -> None:
    settings.DYNAMODB_MESSAGE_TABLE = "wrong"
    make_table("wrong", names, types)

    finding = of_table()["dynamodb.keys"]

    assert finding.status is Status.ERROR
    assert f"{names[0]} (HASH {types})" in finding.found
    assert "Set DYNAMODB_MESSAGE_TABLE to an unused name" in finding.remedy


def make_table(table: str, names: list[str], types: Any) -> None:
    """Create a table with these keys and no expiry."""
    kinds: list[Any] = ["HASH", "RANGE"]
    dynamodb_client().create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": name, "KeyType": kind}
            for name, kind in zip(names, kinds, strict=False)
        ],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": types} for name in names],
    )


def set_expiry(attribute: str, *, enabled: bool) -> None:
    """Enable or disable the table's expiry."""
    dynamodb_client().update_time_to_live(
        TableName=service_settings.DYNAMODB_MESSAGE_TABLE,
        TimeToLiveSpecification={"Enabled": enabled, "AttributeName": attribute},
    )


def by_another_attribute() -> None:
    """Enable expiry with an attribute that no item has."""
    set_expiry("expires_at", enabled=False)
    set_expiry("created_at", enabled=True)


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    ("unset", "found", "remedy"),
    [
        (lambda: set_expiry("expires_at", enabled=False), "The table's expiry is off", PROVISION),
        (
            by_another_attribute,
            "The expiry uses the attribute created_at, not",
            "AttributeName=created_at",
        ),
    ],
    ids=["off", "another attribute"],
)
def test_an_expiry_that_does_not_work_is_found(
    unset: Callable[[], None], found: str, remedy: str
) -> None:
    unset()

    findings = of_table()

    assert bad(findings) == {"dynamodb.ttl"}
    assert findings["dynamodb.ttl"].status is Status.ERROR
    assert findings["dynamodb.ttl"].found.startswith(found)
    assert remedy in findings["dynamodb.ttl"].remedy
