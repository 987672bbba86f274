"""What Sentry is told of a bug."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SECRET = "canary-of-a-contact"
ROOT = Path(__file__).resolve().parents[2]
# In a process of its own, because Sentry's integrations change Django and Celery for good.
REPORT_A_BUG = f"""
import django, json, sentry_sdk
django.setup()
from tasks.base import outcome_of
sent = []
sentry_sdk.get_client().transport.capture_envelope = sent.append
try:
    raise ValueError("Key (contact_urn)=({SECRET}) already exists.")
except ValueError as error:
    outcome_of(error)
events = [item.payload.json for envelope in sent for item in envelope.items if item.type == "event"]
print(json.dumps(events, default=str))
"""


@pytest.fixture(scope="module")
def reports() -> list[dict[str, Any]]:
    """What a bug in a step sends to Sentry."""
    result = subprocess.run(
        [
            *(sys.executable, "-m", "embedded.environment"),
            *("env", "SENTRY_DSN=http://key@127.0.0.1:9/1"),
            *("DJANGO_SETTINGS_MODULE=config.settings", sys.executable, "-c", REPORT_A_BUG),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    events: list[dict[str, Any]] = json.loads(result.stdout)
    return events


def test_a_bug_is_reported_once(reports: list[dict[str, Any]]) -> None:
    assert len(reports) == 1


def test_a_report_says_what_kind_of_error_it_was_and_where(reports: list[dict[str, Any]]) -> None:
    (error,) = next(report["exception"]["values"] for report in reports if "exception" in report)

    assert error["type"] == "ValueError"
    assert error["stacktrace"]["frames"]


def test_a_report_quotes_nothing_that_people_wrote(reports: list[dict[str, Any]]) -> None:
    assert reports
    assert SECRET not in json.dumps(reports)
