"""The findings of `manage.py doctor` about events, letters, closings and archives that wait."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as service_settings

from apps.analytics.models import OutboxEvent
from apps.common.clock import now
from apps.conversations.erasure_models import Erasure
from apps.conversations.models import Conversation
from operations.doctor import waiting
from operations.doctor.findings import Finding, Status
from tests.support.backlogs import dead_letter, outbox_row
from tests.support.builders import project
from tests.support.closings import closing_at

pytestmark = pytest.mark.django_db


def of_waiting() -> dict[str, Finding]:
    """Return the findings of the checks named `waiting`, by check."""
    return {finding.check: finding for finding in waiting.check()}


def bad(findings: dict[str, Finding]) -> set[str]:
    """Return the checks that found a warning. None of them may find an error."""
    assert Status.ERROR not in {finding.status for finding in findings.values()}
    return {check for check, finding in findings.items() if finding.status is Status.WARNING}


@pytest.mark.usefixtures("aws")
def test_a_stack_where_nothing_waits_is_ok() -> None:
    assert {finding.status for finding in of_waiting().values()} == {Status.OK}


def test_events_and_dead_letters_on_the_queues_are_counted(sqs: Any) -> None:
    for setting in ("SQS_CONVERSATION_QUEUE_URL", "SQS_CONVERSATION_DLQ_URL"):
        sqs.send_message(
            QueueUrl=getattr(service_settings, setting),
            MessageBody="{}",
            MessageGroupId="group",
            MessageDeduplicationId="1",
        )

    findings = of_waiting()

    assert bad(findings) == {"waiting.dead_letter_queue"}
    assert findings["waiting.events"].found.startswith("About 1 event waits")
    assert findings["waiting.dead_letter_queue"].found.startswith("About 1 dead letter is")


@pytest.mark.usefixtures("aws")
def test_dead_letters_are_listed_by_reason() -> None:
    for number, reason in enumerate(("bug", "bug", "not_json")):
        dead_letter(number, reason=reason, queued_at=now())

    findings = of_waiting()

    assert bad(findings) == {"waiting.dead_letters"}
    assert "3 dead letters" in findings["waiting.dead_letters"].found
    assert "2 bug, 1 not_json" in findings["waiting.dead_letters"].found
    assert "manage.py dlq list" in findings["waiting.dead_letters"].remedy


@pytest.mark.usefixtures("aws")
def test_overdue_closings_and_pending_archives_are_found() -> None:
    closing_at(now() - timedelta(minutes=6))
    findings = of_waiting()
    assert bad(findings) == {"waiting.closings"}
    assert findings["waiting.closings"].found.startswith("1 conversation has been due")

    Conversation.objects.update(due_at=None, resolution=3, ended_at=now() - timedelta(minutes=16))
    findings = of_waiting()
    assert bad(findings) == {"waiting.archives"}
    assert findings["waiting.archives"].found.startswith("1 conversation has been closed")


@pytest.mark.usefixtures("aws")
def test_an_erasure_that_is_not_done_is_found() -> None:
    Erasure.objects.create(
        project=project(), contact_hash="1", requested_at=now() - timedelta(minutes=16)
    )

    findings = of_waiting()
    assert bad(findings) == {"waiting.erasures"}
    assert findings["waiting.erasures"].found.startswith("1 contact is not erased")


@pytest.mark.usefixtures("aws")
def test_old_and_refused_events_in_the_outbox_are_found() -> None:
    outbox_row(1, created_at=now())
    assert bad(of_waiting()) == set()

    OutboxEvent.objects.update(created_at=now() - timedelta(minutes=16))
    findings = of_waiting()
    assert bad(findings) == {"waiting.outbox"}
    found = "1 event waits to be sent to the data lake, the oldest for 16m"
    assert findings["waiting.outbox"].found.startswith(found)

    OutboxEvent.objects.update(refusal="no such agent")
    findings = of_waiting()
    assert bad(findings) == {"waiting.refused"}
    assert findings["waiting.refused"].found == "The data lake has refused 1 event permanently."


@pytest.mark.usefixtures("aws")
def test_too_many_events_in_flight_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "MAX_IN_FLIGHT", -1)

    assert bad(of_waiting()) == {"waiting.events"}
