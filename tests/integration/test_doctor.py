"""`manage.py doctor` finds nothing wrong with a healthy stack, and changes nothing."""

import io
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django_celery_beat.models import PeriodicTask
from psycopg2 import sql

from apps.common.aws import dynamodb_client
from apps.common.clock import now
from apps.messages import message_table
from embedded.environment import service_environment, with_settings
from embedded.network import free_port
from embedded.service import PROJECT_ROOT
from operations.doctor.examination import CHECKS
from operations.doctor.findings import Status
from tasks.schedules import ensure_schedules
from tests.support.worker_reports import record_heartbeat

KEYS = {"check", "status", "found", "remedy"}
DEPENDENCIES = {
    *("aws", "sqs", "dynamodb", "postgresql", "control", "lake", "workers", "beat", "waiting"),
    *("rollups", "clocks"),
}
SECRET = "hunter2-and-more"


@pytest.fixture
def healthy(sqs: Any, db: None, lake_directory: Path) -> Any:
    """Provision everything, with a worker and a recent tick. Return a client of the queues."""
    ensure_schedules()
    record_heartbeat()
    PeriodicTask.objects.update(last_run_at=now() - timedelta(seconds=30))
    return sqs


def doctor(*arguments: str) -> tuple[str, str]:
    """Run the command. Return its output and its error, which is empty if it succeeds."""
    output, ended = io.StringIO(), ""
    try:
        call_command("doctor", *arguments, stdout=output)
    except CommandError as error:
        ended = str(error)
    return output.getvalue(), ended


def findings() -> dict[str, dict[str, str]]:
    """Return the findings of the command, by check."""
    document = json.loads(doctor("--json")[0])
    return {finding["check"]: finding for finding in document["findings"]}


@pytest.mark.usefixtures("healthy")
def test_every_check_of_a_healthy_stack_is_ok() -> None:
    output, error = doctor("--json")

    document = json.loads(output)
    assert error == ""
    assert document["healthy"] is True
    assert [each for each in document["findings"] if each["status"] != "ok"] == []


@pytest.mark.usefixtures("aws", "db", "lake_directory")
def test_a_new_stack_lacks_a_worker_and_beat_has_not_run_yet() -> None:
    ensure_schedules()

    output, error = doctor("--json")

    assert error.startswith("1 of ")
    for finding in json.loads(output)["findings"]:
        match finding["check"].split("."):
            case ["workers", "running"]:
                assert finding["status"] == "error"
                assert "celery -A config worker" in finding["remedy"]
            case ["workers", _]:
                assert finding["status"] == "skipped"
            case ["beat", _]:
                assert finding["status"] == "warning"
            case _:
                assert finding["status"] == "ok", finding


@pytest.mark.usefixtures("healthy")
def test_the_json_always_has_the_same_keys_and_checks(settings: Any) -> None:
    healthy = findings()
    settings.SQS_CONVERSATION_QUEUE_URL += "x.fifo"
    settings.SQS_CONVERSATION_DLQ_URL += "x.fifo"
    settings.DYNAMODB_MESSAGE_TABLE = "nowhere"
    settings.CELERY_CONTROL_URL = ""
    PeriodicTask.objects.all().delete()

    sick = findings()

    assert sick.keys() == healthy.keys()
    assert {check.partition(".")[0] for check in healthy} == DEPENDENCIES
    for each in (*healthy.values(), *sick.values()):
        assert each.keys() == KEYS
        assert each["status"] in list(Status)
        assert bool(each["remedy"]) == (each["status"] in ("warning", "error")), each


@pytest.mark.usefixtures("healthy")
def test_the_table_fits_80_columns_and_has_no_colours_in_a_file() -> None:
    output, _error = doctor()

    assert all(len(line) <= 80 for line in output.splitlines())
    assert "\x1b" not in output
    assert "ok sqs.queue.fifo" in " ".join(output.split())
    assert "0 warning, 0 error, 0 skipped" in output


@pytest.mark.usefixtures("healthy")
def test_findings_with_the_same_remedy_are_listed_together_with_errors_first() -> None:
    PeriodicTask.objects.update(last_run_at=now() - timedelta(hours=2))
    record_heartbeat(oldest_held_age=1_000)

    advice = doctor()[0].partition("What to do:")[2]

    assert advice.count("celery -A config beat") == 1
    lines = [line.split()[0] for line in advice.splitlines() if line.startswith(("err", "warn"))]
    assert lines == ["error"] * PeriodicTask.objects.count() + ["warning"]


@pytest.mark.usefixtures("healthy")
def test_an_error_has_a_remedy_and_sets_the_exit_status(settings: Any) -> None:
    settings.DYNAMODB_MESSAGE_TABLE = "nowhere"

    output, error = doctor()

    assert "error dynamodb.table: There is no table nowhere" in output
    remedies = [line for line in output.splitlines() if "python manage.py provision" in line]
    assert remedies
    # A remedy is one line, so that its command can be copied.
    assert all(len(line) <= 80 for line in output.splitlines() if line not in remedies)
    assert error.startswith("1 of ")


def test_the_doctor_changes_nothing(healthy: Any, settings: Any, lake_directory: Path) -> None:
    for url in (settings.SQS_CONVERSATION_QUEUE_URL, settings.SQS_CONVERSATION_DLQ_URL):
        healthy.send_message(
            QueueUrl=url, MessageBody="{}", MessageGroupId="group", MessageDeduplicationId="1"
        )
    item = {message_table.PARTITION_KEY: {"S": "0"}, message_table.SORT_KEY: {"S": "0"}}
    dynamodb_client().put_item(TableName=settings.DYNAMODB_MESSAGE_TABLE, Item=item)
    before = everything(healthy, settings, lake_directory)

    doctor()

    assert everything(healthy, settings, lake_directory) == before
    for url in (settings.SQS_CONVERSATION_QUEUE_URL, settings.SQS_CONVERSATION_DLQ_URL):
        received = healthy.receive_message(
            QueueUrl=url, AttributeNames=["ApproximateReceiveCount"], MaxNumberOfMessages=10
        )
        counts = [each["Attributes"]["ApproximateReceiveCount"] for each in received["Messages"]]
        assert counts == ["1"]


def everything(sqs: Any, settings: Any, lake: Path) -> list[Any]:
    """Return the state of the queues, the DynamoDB table, all rows of PostgreSQL, and the lake."""
    urls = (settings.SQS_CONVERSATION_QUEUE_URL, settings.SQS_CONVERSATION_DLQ_URL)
    queues = [
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"] for url in urls
    ]
    table = settings.DYNAMODB_MESSAGE_TABLE
    dynamodb = dynamodb_client()
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        rows = []
        for name in tables:
            query = sql.SQL("SELECT * FROM {} ORDER BY 1").format(sql.Identifier(name))
            cursor.execute(query.as_string(cursor.cursor))
            rows.append((name, cursor.fetchall()))
    return [
        queues,
        sqs.list_queues()["QueueUrls"],
        dynamodb.describe_table(TableName=table)["Table"],
        dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"],
        dynamodb.scan(TableName=table)["Items"],
        rows,
        sorted(lake.rglob("*")),
    ]


def test_a_check_that_fails_does_not_stop_the_others(healthy: Any, settings: Any) -> None:
    settings.SQS_CONVERSATION_QUEUE_URL = None

    found = findings()

    assert found["sqs"]["status"] == "error"
    assert "failed (AttributeError)" in found["sqs"]["found"]
    assert {check.partition(".")[0] for check in found} == DEPENDENCIES
    assert found["dynamodb.table"]["status"] == found["postgresql.connection"]["status"] == "ok"


def run_doctor(port: int, lake: Path) -> subprocess.CompletedProcess[str]:
    """Run the command in another process, with every dependency at this port."""
    environment = with_settings(
        service_environment(
            database_url=f"postgres://someone:{SECRET}@127.0.0.1:{port}/conversations",
            sqs_url=f"http://127.0.0.1:{port}",
            dynamodb_url=f"http://127.0.0.1:{port}",
            control_url=f"redis://:{SECRET}@127.0.0.1:{port}/0",
            lake=lake,
        )
    )
    environment["AWS_SECRET_ACCESS_KEY"] = SECRET
    return subprocess.run(
        [sys.executable, PROJECT_ROOT / "manage.py", "doctor", "--json"],
        env=environment,
        cwd=os.sep,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_with_all_dependencies_down_each_is_reported_without_secrets(tmp_path: Path) -> None:
    ended = run_doctor(free_port(), tmp_path / "lake")

    found = {each["check"]: each for each in json.loads(ended.stdout)["findings"]}
    assert ended.returncode == 1
    for check in ("sqs.queue", "dynamodb.table", "postgresql.connection"):
        assert found[check]["status"] == "error", found[check]
    assert found["control.broker"]["status"] == "warning"
    assert found["workers.running"]["status"] == "skipped"
    assert {each["status"] for check, each in found.items() if check.startswith("beat.")} == {
        "skipped"
    }
    assert found["clocks.aws"]["status"] == found["clocks.postgresql"]["status"] == "skipped"
    assert SECRET not in ended.stdout + ended.stderr


@contextmanager
def silent_server() -> Iterator[int]:
    """Return a port that accepts connections and never responds."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(64)
        yield server.getsockname()[1]


@pytest.mark.django_db(transaction=True)
# test_doctor_credentials.py has the test of credentials.
@pytest.mark.parametrize("name", sorted(CHECKS.keys() - {"aws"}))
def test_a_dependency_that_never_answers_holds_its_check_up_for_ten_seconds_at_most(
    name: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.close()
    with silent_server() as port:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", f"http://127.0.0.1:{port}")
        monkeypatch.setitem(connection.settings_dict, "PORT", str(port))
        settings.CELERY_CONTROL_URL = f"redis://127.0.0.1:{port}/0"
        settings.DATALAKE_URL = f"weni://127.0.0.1:{port}"
        started = time.monotonic()

        statuses = {finding.status for finding in CHECKS[name]()}

        assert time.monotonic() - started < 10
    assert Status.OK not in statuses
