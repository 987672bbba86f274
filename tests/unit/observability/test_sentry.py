"""What Sentry is told of a bug, and how often."""

import json
import socket
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from apps.common.version import VERSION
from observability.sentry import MAX_CAUSES, OncePerCause
from tests.support.sentry_server import running_sentry_server

SECRET = "canary-of-a-contact"
ROOT = Path(__file__).resolve().parents[3]
# Nothing listens there.
NOWHERE = "http://key@127.0.0.1:9/1"
# In processes of their own, because Sentry's integrations change logging for good.
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
sent, told = [], {{}}
sentry_sdk.get_client().transport.capture_envelope = sent.append

def tell(name):
    told[name] = [item.payload.json for envelope in sent for item in envelope.items]
    sent.clear()

for _ in range(100):
    outcome_of(raised(ValueError("Key (contact_urn)=({SECRET}) already exists.")))
try:
    {{}}["{SECRET}"]
except KeyError as error:
    outcome_of(error)
tell("bugs")

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
tell("lines")

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
tell("expected")
print(json.dumps(told))
"""


def printed(program: str, *, dsn: str = NOWHERE) -> str:
    """What a program prints in a process of its own, which reports errors."""
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
    """What bugs, log lines and expected errors send to Sentry."""
    reports: dict[str, list[dict[str, Any]]] = json.loads(printed(EVERY_KIND))
    return reports


@pytest.fixture(scope="module")
def bugs(reported: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """What a hundred events with one bug, and one with another, send to Sentry."""
    return reported["bugs"]


@pytest.fixture(scope="module")
def lines(reported: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """What log lines send to Sentry."""
    return reported["lines"]


def test_a_bug_is_reported_once_however_many_events_it_hits(bugs: list[dict[str, Any]]) -> None:
    kinds = [report["exception"]["values"][0]["type"] for report in bugs]

    assert kinds == ["ValueError", "KeyError"]


def test_a_report_says_what_kind_of_error_it_was_and_where(bugs: list[dict[str, Any]]) -> None:
    (error,) = bugs[0]["exception"]["values"]

    assert error["stacktrace"]["frames"][-1]["function"] == "raised"
    assert bugs[0]["fingerprint"] == [bugs[0]["extra"]["places"]]
    assert bugs[0]["fingerprint"][0].endswith(" raised > ValueError")
    assert bugs[0]["fingerprint"] != bugs[1]["fingerprint"]


def test_a_report_names_the_release_and_the_environment(bugs: list[dict[str, Any]]) -> None:
    assert {report["release"] for report in bugs} == {f"conversation-service@{VERSION}"}
    assert {report["environment"] for report in bugs} == {"production"}


def test_the_version_is_that_of_the_package() -> None:
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())

    assert package["project"]["version"] == VERSION


def test_a_report_quotes_nothing_that_people_wrote(
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
    # This test's own source, which is quoted around each frame, has the canary in it.
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


def test_what_is_quarantined_or_waits_is_no_error(
    reported: dict[str, list[dict[str, Any]]],
) -> None:
    assert reported["expected"] == []


def test_a_sentry_that_hangs_delays_nobody_but_the_end_of_the_process() -> None:
    """It takes connections and never answers: reports are sent by a thread, from a queue."""
    program = f"""
{PRELUDE}
for number in range(200):
    outcome_of(raised(type(f"Error{{number}}", (Exception,), {{}})()))
print("done")
"""
    with socket.create_server(("127.0.0.1", 0)) as server:
        # It ends in time only if it waits for none of the 200.
        assert printed(program, dsn=f"http://key@127.0.0.1:{server.getsockname()[1]}/1") == "done\n"


def test_what_is_still_to_be_sent_when_a_process_ends_is_sent() -> None:
    with running_sentry_server() as sentry:
        printed(f"{PRELUDE}\noutcome_of(raised(ValueError()))", dsn=sentry.dsn)

    assert [report["exception"]["values"][0]["type"] for report in sentry.reports] == ["ValueError"]
    assert sentry.refusals == []


def test_without_a_dsn_nothing_is_reported() -> None:
    program = f"{PRELUDE}\nprint(sentry_sdk.get_client().is_active())"

    assert printed(program, dsn="") == "False\n"


def test_a_cause_comes_again_after_its_time_with_the_number_that_was_held_back() -> None:
    clock = [0.0]
    once = OncePerCause(now=lambda: clock[0], seconds=600)

    assert [once.repeats("a") for _ in range(4)] == [0, None, None, None]
    assert once.repeats("b") == 0
    clock[0] = 599
    assert once.repeats("a") is None
    clock[0] = 600
    assert [once.repeats("a"), once.repeats("a")] == [4, None]


def test_what_is_remembered_of_causes_is_bounded() -> None:
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
