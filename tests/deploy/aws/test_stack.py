"""On an applied template, `provision` and `doctor` find nothing to change, and the demo runs."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from embedded.service import PROJECT_ROOT
from embedded.stack import Stack
from tests.deploy.aws.deployment import Deployment, database_of, reset, settings_of
from tests.deploy.aws.grants import grants_of
from tests.deploy.aws.recorder import recording
from tests.deploy.aws.stack import Applied, apply_template, client

ABOUT_AWS = ("aws", "sqs", "dynamodb")
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:conversations-AbCdEf"
USER = "arn:aws:rds-db:us-east-1:123456789012:dbuser:db-ABCDEFGHIJKL01234/conversations"
PROVISIONED = {
    "TableBillingMode": "PROVISIONED",
    "TableReadUnits": "7",
    "TableWriteUnits": "70",
    "TableDeletionProtection": "false",
}


@pytest.fixture
def moto(stack: Stack) -> Iterator[str]:
    """The address of an empty moto server."""
    reset(stack.moto_url)
    yield stack.moto_url
    reset(stack.moto_url)


@pytest.mark.parametrize("encryption", ["customer-key", "aws-owned-key"])
@pytest.mark.usefixtures("transactional_db")
def test_provision_and_doctor_find_nothing_to_change(
    moto: str, stack: Stack, tmp_path: Path, encryption: str
) -> None:
    applied = apply_template(moto, Encryption=encryption)
    with recording(moto) as recorder:
        settings = settings_of(
            stack,
            database_url=database_of(stack),
            sqs_url=recorder.url,
            url=recorder.url,
            applied=applied,
        )
        deployment = Deployment(
            applied=applied, recorder=recorder, settings=settings, logs=tmp_path
        )
        # The schedules, which are in PostgreSQL.
        deployment.manage("provision", "provision")
        checked = deployment.manage("provision", "provision", "--check")
        examined = deployment.manage("doctor", "doctor", "--json", may_fail=True)

    assert checked.startswith("0 differences.")
    made = [call.permission.partition(":")[2] for call in recorder.calls_of("provision")]
    assert len(made) > 5
    assert [name for name in made if not name.startswith(("Describe", "Get"))] == []
    findings = {
        finding["check"]: finding["status"]
        for finding in json.loads(examined)["findings"]
        if finding["check"].partition(".")[0] in ABOUT_AWS
    }
    assert len(findings) > 25
    assert {check: status for check, status in findings.items() if status != "ok"} == {}


def test_the_key_encrypts_the_queues(moto: str) -> None:
    applied = apply_template(moto, DataKeyReuseSeconds="600")

    key = applied.outputs["KeyArn"]
    for name in ("QueueUrl", "DeadLetterQueueUrl"):
        attributes = queue_attributes(applied, name)
        assert attributes["KmsMasterKeyId"] == key
        assert attributes["KmsDataKeyReusePeriodSeconds"] == "600"
    assert applied.client("kms").get_key_rotation_status(KeyId=key)["KeyRotationEnabled"]


def test_without_a_key_the_queues_are_encrypted_by_sqs(moto: str) -> None:
    applied = apply_template(moto, Encryption="aws-owned-key")

    assert "KeyArn" not in applied.outputs
    for name in ("QueueUrl", "DeadLetterQueueUrl"):
        attributes = queue_attributes(applied, name)
        assert attributes["SqsManagedSseEnabled"] == "true"
        assert "KmsMasterKeyId" not in attributes


def test_the_table_is_protected_and_on_demand_by_default(moto: str) -> None:
    found = table(apply_template(moto))

    # moto keeps the parameter's text. CloudFormation makes a boolean of it.
    assert found["DeletionProtectionEnabled"] == "true"
    assert found["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    backups = client("dynamodb", url=moto).describe_continuous_backups(
        TableName="conversation_messages"
    )["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_parameters_choose_provisioned_units_and_switch_the_protection_off(moto: str) -> None:
    found = table(apply_template(moto, **PROVISIONED))

    assert found["DeletionProtectionEnabled"] == "false"
    units = found["ProvisionedThroughput"]
    assert (units["ReadCapacityUnits"], units["WriteCapacityUnits"]) == (7, 70)


@pytest.mark.parametrize(
    ("parameters", "permissions"),
    [
        ({}, set()),
        ({"DatabaseSecretArn": SECRET}, {"secretsmanager:GetSecretValue"}),
        ({"DatabaseUserArns": USER}, {"rds-db:connect"}),
    ],
)
def test_roles_may_use_a_login_to_postgresql_only_as_a_parameter_says(
    moto: str, parameters: dict[str, str], permissions: set[str]
) -> None:
    applied = apply_template(moto, **parameters)

    roles = [name.removesuffix("Arn") for name in applied.outputs if name.endswith("RoleArn")]
    assert len(roles) == 7
    grants = [grants_of(applied, role=role) for role in roles]
    allowed = {call.permission for grant in grants for call in grant.calls}
    assert {one for one in allowed if not one.startswith(("dynamodb:", "sqs:"))} == permissions
    assert {use.key for grant in grants for use in grant.keys} == {applied.outputs["KeyArn"]}


def test_the_demo_runs_on_the_template() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.deploy.aws.demo"],
        cwd=PROJECT_ROOT,
        env={**os.environ, "DEMO_EVENTS": "200"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["events"] >= 200


def queue_attributes(applied: Applied, output: str) -> dict[str, str]:
    """Return the attributes of a queue, by the name of the output with its address."""
    sqs = applied.client("sqs")
    url = applied.outputs[output]
    attributes: dict[str, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])[
        "Attributes"
    ]
    return attributes


def table(applied: Applied) -> dict[str, Any]:
    """Return the description of the table."""
    described: dict[str, Any] = applied.client("dynamodb").describe_table(
        TableName=applied.outputs["TableName"]
    )["Table"]
    return described
