"""The findings of `manage.py doctor` about PostgreSQL, the control broker and the lake."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from django.db import connection
from django.db.backends.base import base
from django.db.migrations.recorder import MigrationRecorder

from embedded.network import free_port
from embedded.stack import Stack
from operations.doctor import control, lake, postgresql
from operations.doctor.findings import Finding, Status
from tests.support.lake_weni_server import weni_server

NOBODY = 65_534


def of_database() -> dict[str, Finding]:
    """Return the findings about PostgreSQL, by check."""
    return {finding.check: finding for finding in postgresql.check()}


def of_lake() -> dict[str, Finding]:
    """Return the findings about the data lake, by check."""
    return {finding.check: finding for finding in lake.check()}


def execute(sql: str) -> None:
    """Execute SQL in the transaction of this test."""
    with connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.django_db(transaction=True)
def test_postgresql_that_is_down_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    connection.close()
    port = str(free_port())
    monkeypatch.setitem(connection.settings_dict, "PORT", port)

    findings = of_database()

    assert findings["postgresql.connection"].status is Status.ERROR
    assert "Connection refused" in findings["postgresql.connection"].found
    assert f"pg_isready --host 127.0.0.1 --port {port}" in findings["postgresql.connection"].remedy
    del findings["postgresql.connection"]
    assert {finding.status for finding in findings.values()} == {Status.SKIPPED}


@pytest.mark.django_db(transaction=True)
def test_a_wrong_password_is_found_and_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "PASSWORD", "hunter2")

    finding = of_database()["postgresql.connection"]

    assert finding.status is Status.ERROR
    assert "password authentication failed" in finding.found
    assert "DATABASE_URL" in finding.remedy
    assert "hunter2" not in finding.found + finding.remedy


@pytest.mark.django_db(transaction=True)
def test_postgresql_that_is_too_old_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    connection.close()
    monkeypatch.setattr(connection.features, "minimum_database_version", (99,))
    # Django checks the version once per process.
    monkeypatch.setattr(base, "RAN_DB_VERSION_CHECK", set())

    findings = of_database()

    assert findings["postgresql.version"].status is Status.ERROR
    assert findings["postgresql.version"].found.startswith("PostgreSQL 99 or later is required")
    assert findings["postgresql.migrations"].status is Status.SKIPPED


@pytest.mark.django_db
def test_a_migration_that_is_not_applied_is_found() -> None:
    applied = MigrationRecorder.Migration.objects.filter(app="analytics").order_by("name")
    newest = applied.values_list("name", flat=True).reverse()[0]
    applied.filter(name=newest).delete()

    finding = of_database()["postgresql.migrations"]

    assert finding.status is Status.ERROR
    assert finding.found == f"Migrations are not applied: analytics.{newest}."
    assert finding.remedy == "Run: python manage.py migrate"


@pytest.mark.django_db
def test_a_database_without_any_table_is_found() -> None:
    execute("CREATE SCHEMA empty; SET LOCAL search_path TO empty")

    findings = of_database()

    assert findings["postgresql.migrations"].status is Status.ERROR
    assert "more." in findings["postgresql.migrations"].found
    assert findings["postgresql.permissions"].status is Status.OK
    assert connection.introspection.table_names() == []


@pytest.mark.django_db
def test_a_role_that_may_only_read_is_found() -> None:
    execute("CREATE ROLE reader; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    execute("SET LOCAL ROLE reader")

    finding = of_database()["postgresql.permissions"]

    assert finding.status is Status.ERROR
    assert "lacks DELETE on " in finding.found
    assert "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES" in finding.remedy


@pytest.mark.django_db
def test_a_role_that_may_not_even_see_the_migrations_is_found() -> None:
    execute("CREATE ROLE stranger; SET LOCAL ROLE stranger")

    findings = of_database()

    assert findings["postgresql.migrations"].status is Status.ERROR
    assert "permission denied" in findings["postgresql.migrations"].found
    assert findings["postgresql.permissions"].status is Status.ERROR


@pytest.mark.django_db
def test_a_read_only_database_is_found() -> None:
    execute("SET LOCAL default_transaction_read_only = on")

    finding = of_database()["postgresql.writable"]

    assert finding.status is Status.ERROR
    assert "read-only" in finding.found
    assert "RESET default_transaction_read_only" in finding.remedy


@pytest.mark.django_db(transaction=True)
def test_the_statements_for_a_read_only_database_make_it_writable() -> None:
    """A session is read-only, too, and refuses them unless it begins with the first one."""
    database = connection.ops.quote_name(connection.settings_dict["NAME"])
    execute(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    connection.close()
    try:
        statements = of_database()["postgresql.writable"].remedy.partition(": ")[2].split("; ")
        for statement in statements:
            execute(statement)
        connection.close()
        assert of_database()["postgresql.writable"].status is Status.OK
    finally:
        execute("SET default_transaction_read_only = off")
        execute(f"ALTER DATABASE {database} RESET default_transaction_read_only")


def test_a_control_broker_that_answers_is_ok(stack: Stack, settings: Any) -> None:
    settings.CELERY_CONTROL_URL = stack.control_url

    (finding,) = control.check()

    assert finding.status is Status.OK


def test_without_a_control_broker_its_check_is_skipped(settings: Any) -> None:
    settings.CELERY_CONTROL_URL = ""

    (finding,) = control.check()

    assert finding.status is Status.SKIPPED
    assert "CELERY_CONTROL_URL is not set" in finding.found


def test_a_control_broker_that_refuses_the_password_is_found(stack: Stack, settings: Any) -> None:
    password = urlsplit(stack.control_url).password
    settings.CELERY_CONTROL_URL = stack.control_url.replace(f":{password}@", ":another@")

    (finding,) = control.check()

    assert finding.status is Status.WARNING
    assert "refuses the login (AuthenticationError)" in finding.found


def test_an_unavailable_control_broker_is_found_and_its_password_not_printed(settings: Any) -> None:
    port = free_port()
    settings.CELERY_CONTROL_URL = f"redis://someone:hunter2@127.0.0.1:{port}/0"

    (finding,) = control.check()

    # Events take effect without the control broker.
    assert finding.status is Status.WARNING
    assert finding.found.startswith(f"redis://127.0.0.1:{port} does not respond (ConnectionError)")
    assert "CELERY_CONTROL_URL" in finding.remedy
    assert "hunter2" not in finding.found + finding.remedy


def test_a_missing_lake_folder_is_found_and_not_created(tmp_path: Path, settings: Any) -> None:
    settings.DATALAKE_URL = (tmp_path / "a" / "b").as_uri()

    findings = of_lake()

    assert findings["lake.reachable"].status is Status.WARNING
    assert findings["lake.reachable"].remedy.endswith(f"mkdir -p {tmp_path / 'a' / 'b'}")
    assert findings["lake.may_put"].status is Status.OK
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("below", ["", "lake"])
def test_a_file_in_the_place_of_the_lake_is_found(
    tmp_path: Path, settings: Any, below: str
) -> None:
    (tmp_path / "file").touch()
    settings.DATALAKE_URL = (tmp_path / "file" / below).as_uri()

    findings = of_lake()

    assert findings["lake.may_put"].status is Status.ERROR
    assert f"ls -ld {tmp_path / 'file'}. Move it away" in findings["lake.may_put"].remedy
    assert findings["lake.reachable"].status is (Status.WARNING if below else Status.ERROR)


@contextmanager
def as_ordinary_user() -> Iterator[None]:
    """Run as the user nobody, because root can write everywhere."""
    with ExitStack() as undo:
        if os.geteuid() == 0:
            os.seteuid(NOBODY)
            undo.callback(os.seteuid, 0)
        yield


def test_a_lake_folder_that_may_not_be_written_to_is_found(settings: Any) -> None:
    # The user nobody cannot enter pytest's folder.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o555)
        settings.DATALAKE_URL = Path(folder).as_uri()

        with as_ordinary_user():
            findings = of_lake()

        assert findings["lake.reachable"].status is Status.OK
        assert findings["lake.may_put"].status is Status.ERROR
        assert f"{folder} is not writable" in findings["lake.may_put"].found
        assert "DATALAKE_URL" in findings["lake.may_put"].remedy


@pytest.fixture
def firehose(stack: Stack, aws: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a client of moto's Firehose, which the service is configured to use."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_FIREHOSE", stack.moto_url)
    return boto3.client("firehose", region_name="eu-west-1")


def test_an_existing_stream_is_ok(firehose: Any, settings: Any) -> None:
    firehose.create_delivery_stream(
        DeliveryStreamName="answers",
        S3DestinationConfiguration={
            "RoleARN": "arn:aws:iam::123456789012:role/firehose",
            "BucketARN": "arn:aws:s3:::lake",
        },
    )
    settings.DATALAKE_URL = "firehose://answers?region=eu-west-1"

    findings = of_lake()

    assert findings["lake.reachable"].found == "The delivery stream answers is ACTIVE."
    assert findings["lake.reachable"].status is Status.OK


@pytest.mark.usefixtures("firehose")
def test_a_missing_stream_is_found(settings: Any) -> None:
    settings.DATALAKE_URL = "firehose://answers"

    finding = of_lake()["lake.reachable"]

    assert finding.status is Status.ERROR
    assert finding.found == "There is no delivery stream answers in us-east-1."
    assert "DATALAKE_URL" in finding.remedy


def test_the_check_of_a_grpc_lake_connects_and_sends_nothing(settings: Any) -> None:
    with weni_server() as server:
        settings.DATALAKE_URL = f"weni://{server.target}"
        findings = of_lake()

        assert findings["lake.reachable"].status is Status.OK
        assert findings["lake.may_put"].status is Status.SKIPPED
        assert server.calls == []


def test_a_lake_behind_grpc_that_is_down_is_found(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lake, "TIMEOUT_SECONDS", 1.0)
    settings.DATALAKE_URL = f"weni://127.0.0.1:{free_port()}"

    finding = of_lake()["lake.reachable"]

    assert finding.status is Status.ERROR
    assert "does not respond within 1 s" in finding.found
