"""Reports to Sentry have no personal data, and each cause is reported only once."""

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from apps.common.version import VERSION
from observability.sentry import MAX_CAUSES, OncePerCause
from tests.support.sentry_server import running_sentry_server

SECRET = "canary-of-a-contact"
ROOT = Path(__file__).resolve().parents[3]
# No server listens on this port.
NOWHERE = "http://key@127.0.0.1:9/1"
# The programs run in other processes, because Sentry's integrations change logging permanently.
PRELUDE = """
import django, json, logging, sentry_sdk
django.setup()
from apps.common.errors import InvalidEvent, Unavailable
from botocore.exceptions import EndpointConnectionError
from celery.beat import SchedulingError
from django.db.utils import OperationalError
from tasks.base import outcome_of
from celery_sqs_fifo.errors import error_location

def raised(error, cause=None):
    try:
        raise error from cause
    except Exception as caught:
        return caught
"""
EVERY_KIND = f"""
{PRELUDE}
sent, reports = [], {{}}
sentry_sdk.get_client().transport.capture_envelope = sent.append

def collect(name):
    reports[name] = [item.payload.json for envelope in sent for item in envelope.items]
    sent.clear()

for _ in range(100):
    outcome_of(raised(ValueError("Key (contact_urn)=({SECRET}) already exists.")))
try:
    {{}}["{SECRET}"]
except KeyError as error:
    outcome_of(error)
collect("bugs")

secret = raised(OSError("{SECRET}"))
library = logging.getLogger("celery.worker.request")
data = {{"data": "{SECRET}"}}
library.error("Task handler raised error: %r", secret, exc_info=secret, extra=data)
library.error("Process %r exited", "{SECRET}")
logging.getLogger("celery_sqs_fifo.consuming.sqs_calls").error(
    "handling an answer failed", extra={{"error": error_location(raised(KeyError("{SECRET}")))}}
)
circuit = logging.getLogger("celery_sqs_fifo.consuming.circuit")
circuit.error("waiting", extra={{"error": "HTTP 500"}})
collect("lines")

down = OperationalError("down")
for error in (InvalidEvent("no", "no"), Unavailable("DynamoDB", "no"), down):
    outcome_of(raised(error))
    sentry_sdk.capture_exception(raised(error))
logging.getLogger("django.request").error("500", exc_info=raised(RuntimeError("no"), down))
try:
    try:
        raise EndpointConnectionError(endpoint_url="http://sqs")
    except EndpointConnectionError:
        raise SchedulingError("no tick")
except SchedulingError as error:
    logging.getLogger("celery.beat").error("Message Error", exc_info=error)
collect("expected")
print(json.dumps(reports))
"""


def printed(program: str, *, dsn: str = NOWHERE) -> str:
    """Run a program that reports errors in another process. Return its output."""
    result = subprocess.run(
        [
            *(sys.executable, "-m", "embedded.environment", "env", f"SENTRY_DSN={dsn}"),
            *("DJANGO_SETTINGS_MODULE=config.settings", sys.executable, "-c", program),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return result.stdout


@pytest.fixture(scope="module")
def reported() -> dict[str, list[dict[str, Any]]]:
    """Return the reports about bugs, log lines and expected errors."""
    reports: dict[str, list[dict[str, Any]]] = json.loads(printed(EVERY_KIND))
    return reports


@pytest.fixture(scope="module")
def bugs(reported: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return the reports about a hundred events with one bug and one event with another bug."""
    return reported["bugs"]


@pytest.fixture(scope="module")
def lines(reported: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return the reports about log lines."""
    return reported["lines"]


def test_a_bug_of_many_events_is_reported_once(bugs: list[dict[str, Any]]) -> None:
    kinds = [report["exception"]["values"][0]["type"] for report in bugs]

    assert kinds == ["ValueError", "KeyError"]


def test_a_report_has_the_kind_and_location_of_the_error(bugs: list[dict[str, Any]]) -> None:
    (error,) = bugs[0]["exception"]["values"]

    assert error["stacktrace"]["frames"][-1]["function"] == "raised"
    assert bugs[0]["fingerprint"] == [bugs[0]["extra"]["places"]]
    assert bugs[0]["fingerprint"][0].endswith(" raised > ValueError")
    assert bugs[0]["fingerprint"] != bugs[1]["fingerprint"]


def test_a_report_names_the_release_and_the_environment(bugs: list[dict[str, Any]]) -> None:
    assert {report["release"] for report in bugs} == {f"conversation-service@{VERSION}"}
    assert {report["environment"] for report in bugs} == {"production"}


def test_a_report_has_no_personal_data(
    bugs: list[dict[str, Any]], lines: list[dict[str, Any]]
) -> None:
    frames = [
        frame
        for report in (*bugs, *lines)
        for error in report.get("exception", {}).get("values", [])
        for frame in error["stacktrace"]["frames"]
    ]

    assert frames
    assert not any("vars" in frame for frame in frames)
    # Sentry would quote the source of this test, which contains the secret.
    assert SECRET not in json.dumps(_without_source([*bugs, *lines]))
    assert not {"breadcrumbs", "request", "user", "logentry"} & set().union(*bugs, *lines)


def test_only_lines_with_an_exception_and_bugs_of_the_main_process_are_reported(
    lines: list[dict[str, Any]],
) -> None:
    of_library, of_main = lines

    assert of_library["exception"]["values"][0]["type"] == "OSError"
    assert "message" not in of_library
    assert of_main["message"] == "handling an answer failed"
    assert of_main["extra"]["places"].endswith("KeyError")


def test_expected_errors_are_not_reported(
    reported: dict[str, list[dict[str, Any]]],
) -> None:
    assert reported["expected"] == []


def test_a_sentry_that_hangs_delays_only_the_end_of_the_process() -> None:
    """The server accepts connections and never responds. A thread sends the queued reports."""
    program = f"""
{PRELUDE}
for number in range(200):
    outcome_of(raised(type(f"Error{{number}}", (Exception,), {{}})()))
print("done")
"""
    with socket.create_server(("127.0.0.1", 0)) as server:
        # The process would take longer if it waited for any of the 200 reports.
        assert printed(program, dsn=f"http://key@127.0.0.1:{server.getsockname()[1]}/1") == "done\n"


def test_remaining_reports_are_sent_when_a_process_ends() -> None:
    with running_sentry_server() as sentry:
        printed(f"{PRELUDE}\noutcome_of(raised(ValueError()))", dsn=sentry.dsn)

    assert [report["exception"]["values"][0]["type"] for report in sentry.reports] == ["ValueError"]
    assert sentry.refusals == []


def test_without_a_dsn_nothing_is_reported() -> None:
    program = f"{PRELUDE}\nprint(sentry_sdk.get_client().is_active())"

    assert printed(program, dsn="") == "False\n"


def test_a_cause_is_reported_again_later_with_the_number_held_back() -> None:
    clock = [0.0]
    once = OncePerCause(now=lambda: clock[0], seconds=600)

    assert [once.repeats("a") for _ in range(4)] == [0, None, None, None]
    assert once.repeats("b") == 0
    clock[0] = 599
    assert once.repeats("a") is None
    clock[0] = 600
    assert [once.repeats("a"), once.repeats("a")] == [4, None]


def test_the_number_of_remembered_causes_is_bounded() -> None:
    once = OncePerCause(now=lambda: 0, seconds=600)
    for number in range(MAX_CAUSES + 1):
        assert once.repeats(str(number)) == 0

    assert once.repeats(str(MAX_CAUSES)) is None
    assert once.repeats("0") == 0


def _without_source(document: Any) -> Any:
    quotes = ("context_line", "pre_context", "post_context")
    if isinstance(document, dict):
        return {
            name: _without_source(value) for name, value in document.items() if name not in quotes
        }
    return [_without_source(one) for one in document] if isinstance(document, list) else document
