"""With DATALAKE_URL=none answers are recorded and nothing waits to be sent."""

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.analytics.models import OutboxEvent, SurveyAnswer
from apps.common.clock import now
from apps.conversations.models import Conversation
from observability.metrics.postgresql import read_postgresql
from operations.doctor import lake, waiting
from operations.doctor.findings import Status
from tasks.datalake import compact_data_lake, send_data_lake_event
from tests.support.backlogs import outbox_row
from tests.support.builders import NOON, deliver_bodies, numbered_message, survey_body

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("aws")]

ENABLED, WAITING = "conversations_lake_enabled", "conversations_lake_waiting"


@pytest.fixture(autouse=True)
def _no_lake(settings: Any) -> None:
    settings.DATALAKE_URL = "none"


def test_an_answer_is_recorded_and_counts_but_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    monkeypatch.setattr(send_data_lake_event, "apply_async", lambda: sent.append("hint"))

    deliver_bodies(bodies=[numbered_message(0)])
    deliver_bodies(bodies=[survey_body()], sent_at=NOON + timedelta(seconds=1))

    answer = SurveyAnswer.objects.get()
    assert (answer.score, answer.is_replaced, answer.lake_event_ids) == (5, False, [])
    assert Conversation.objects.get().csat == 5
    assert not OutboxEvent.objects.exists()
    assert not sent


def test_events_from_before_stay_in_the_outbox_and_old_ones_are_deleted() -> None:
    outbox_row(1, created_at=NOON)
    outbox_row(2, created_at=NOON, delivered_at=now() - timedelta(days=8))

    send_data_lake_event.run()
    compact_data_lake.run()

    assert OutboxEvent.objects.get().delivered_at is None


def test_the_doctor_and_the_metrics_say_that_the_lake_is_off(settings: Any) -> None:
    findings = {finding.check: finding for finding in lake.check()}
    reading = read_postgresql()

    assert findings["lake.reachable"].status is Status.OK
    assert "DATALAKE_URL=none" in findings["lake.reachable"].found
    assert findings["lake.may_put"].status is Status.SKIPPED
    assert (reading[ENABLED], reading[WAITING]) == ({(): 0.0}, {(): 0.0})
    settings.DATALAKE_URL = "file:///var/lake"
    assert read_postgresql()[ENABLED] == {(): 1.0}


def test_the_doctor_warns_of_events_that_wait_without_a_lake() -> None:
    assert _outbox_finding().status is Status.OK

    outbox_row(1, created_at=now())

    assert _outbox_finding().status is Status.WARNING
    assert "DATALAKE_URL=none" in _outbox_finding().found


def test_the_outbox_command_says_that_nothing_is_sent() -> None:
    output = io.StringIO()
    outbox_row(1, created_at=NOON, refusal="too large")

    call_command("outbox", "list", stdout=output)
    with pytest.raises(CommandError, match="DATALAKE_URL=none"):
        call_command("outbox", "retry")

    assert output.getvalue().startswith("The data lake is off (DATALAKE_URL=none)")
    assert "\n1 was refused\n" in output.getvalue()
    assert OutboxEvent.objects.get().refusal == "too large"


def _outbox_finding() -> Any:
    (finding,) = [one for one in waiting.check() if one.check == "waiting.outbox"]
    return finding
