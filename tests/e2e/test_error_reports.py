"""A real worker reports each cause of errors to Sentry once, with ids and without message text."""

import json
import re
from functools import partial
from typing import Any

import pytest

from apps.common.version import VERSION
from apps.conversations.models import Conversation
from embedded.processes import ManagedProcess
from testbed.checker.logs import leaks, personal_data
from tests.support.builders import PROJECT, message_body
from tests.support.failing_app import BUG, DIE, DOWN, UNREADABLE
from tests.support.running_service import Service
from tests.support.sentry_server import running_sentry_server

EVENTS = 12
TAGS = {
    "attempt",
    "conversation_uuid",
    "correlation_id",
    "group",
    "message_id",
    "project_uuid",
    "step",
    "task_id",
}


def _send(service: Service, *, number: int, text: str, **event: Any) -> str:
    urn = f"whatsapp:55849967659{number:02d}"
    body = message_body(
        urn=urn,
        message={"id": f"m-{number}", "text": f"{text} canary {number}"},
        event={"correlation_id": f"c-{number}", **event},
    )
    return service.send(body=body, group=f"{PROJECT}:channel:{urn}")


def _has_logged(worker: ManagedProcess, words: str) -> bool:
    return words in worker.log_text()


def _kinds(reports: list[dict[str, Any]]) -> set[str]:
    """Return the types of the reported exceptions."""
    exceptions = (report["exception"] for report in list(reports) if "exception" in report)
    return {exception["values"][-1]["type"] for exception in exceptions}


@pytest.mark.parametrize("batch_size", [25], ids=["batches"])
def test_a_cause_is_reported_once_with_ids_and_nothing_that_people_wrote(service: Service) -> None:
    with running_sentry_server() as sentry:
        service.environment |= {"SENTRY_DSN": sentry.dsn, "SENTRY_ENVIRONMENT": "e2e"}
        service.app = "tests.support.failing_app"
        with_bug = {
            _send(service, number=number, text=BUG): f"c-{number}" for number in range(EVENTS)
        }
        _send(service, number=50, text="well")
        _send(service, number=51, text=DOWN)
        _send(service, number=60, text="x", event_type=UNREADABLE)
        _send(service, number=61, text="x", event_type="message.unknown")
        worker = service.start_worker(concurrency=1)
        # Each of these events has failed and was run again.
        service.wait_until(lambda: worker.log_text().count('"task_failed"') >= 2 * EVENTS)
        for line in ('"event_held"', '"event_quarantined"'):
            service.wait_until(partial(_has_logged, worker, line))
        service.wait_until(lambda: len(sentry.reports) >= 2)
        of_bugs = list(sentry.reports)
        _send(service, number=52, text=DIE)
        service.wait_until(lambda: "WorkerLostError" in _kinds(sentry.reports))
        worker.stop()

    assert sentry.refusals == []
    of_pool, of_main = sorted(of_bugs, key=lambda report: "exception" not in report)

    assert set(of_pool["tags"]) == TAGS
    assert with_bug[of_pool["tags"]["message_id"]] == of_pool["tags"]["correlation_id"]
    assert of_pool["tags"]["project_uuid"] == str(PROJECT)
    assert of_pool["tags"]["step"] == "tasks.pipeline.persist_dynamo"
    number = int(of_pool["tags"]["correlation_id"].removeprefix("c-"))
    assert of_pool["tags"]["conversation_uuid"] == str(
        Conversation.objects.get(contact_urn__endswith=f"659{number:02d}").uuid
    )
    assert of_pool["fingerprint"] == [of_pool["extra"]["places"]]
    assert re.search(
        r"failing_app\.py:\d+ fail_if_requested > ValueError", of_pool["fingerprint"][0]
    )
    (error,) = of_pool["exception"]["values"]
    assert error["type"] == "ValueError"
    assert error["stacktrace"]["frames"]

    assert of_main["message"] == "body_not_classified"
    assert "failing_app.py" in of_main["extra"]["places"]
    assert of_main["tags"]["correlation_id"] == "c-60"

    for report in sentry.reports:
        assert report["environment"] == "e2e"
        assert report["release"] == f"conversation-service@{VERSION}"
        assert not {"breadcrumbs", "user", "request", "contexts"} & report.keys()
    personal = personal_data(
        bodies=[body for _, body in service.sent], group_ids=[group for group, _ in service.sent]
    )
    for text in sentry.bodies:
        assert leaks(log=text, personal=personal) == []
        assert "canary" not in text
        for secret in ("SECRET_KEY", "DATABASE_URL"):
            assert json.dumps(service.environment[secret])[1:-1] not in text
    assert "-A tests.support.failing_app" not in "".join(sentry.bodies)
