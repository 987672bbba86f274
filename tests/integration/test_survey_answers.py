"""Recording a survey answer, its conversation's score and its outbox event."""

import threading
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings

from apps.analytics import services
from apps.analytics.models import OutboxEvent, SurveyAnswer
from apps.conversations.models import Conversation, Resolution
from apps.conversations.project_models import Project
from tests.support.builders import NOON, URN, contact, conversation
from tests.support.services import answer_recorded
from tests.support.sessions import started, wait_for_a_blocked_session
from tests.support.stored import every_row_version

MINUTE = timedelta(minutes=1)
WEEK = timedelta(days=7)


def record(
    *,
    to: UUID | None = None,
    message_id: str = "answer-1",
    key: str = "weni_csat",
    value: str = "5",
    problem: str = "",
    at: datetime = NOON,
    sequence_number: int | None = None,
) -> bool:
    """Record an answer of the default contact."""
    return answer_recorded(
        message_id=message_id,
        to=to,
        key=key,
        value=value,
        problem=problem,
        at=at,
        sequence_number=sequence_number,
        correlation_id="correlation-1",
        now=NOON + MINUTE,
    )


def replaced() -> dict[str, bool]:
    """Return, by message id, whether a newer answer replaced the answer."""
    return dict(SurveyAnswer.objects.values_list("message_id", "is_replaced"))


def closed(*, ended_at: datetime, **fields: Any) -> Conversation:
    """Create a closed conversation of the default contact."""
    return conversation(resolution=Resolution.RESOLVED, ended_at=ended_at, **fields)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("key", "value", "field"),
    [("weni_csat", "5", "csat"), ("weni_nps", "0", "nps"), ("weni_nps", "10", "nps")],
)
def test_a_score_is_stored_on_its_conversation(key: str, value: str, field: str) -> None:
    current = conversation()

    assert record(to=current.uuid, key=key, value=value)

    current.refresh_from_db()
    assert getattr(current, field) == int(value)
    answer = SurveyAnswer.objects.get()
    assert (answer.conversation_id, answer.key, answer.score) == (current.uuid, key, int(value))


@pytest.mark.django_db
def test_an_answer_recorded_again_changes_nothing() -> None:
    current = conversation()
    record(to=current.uuid, value="4")
    before = every_row_version()

    assert not record(to=current.uuid, value="4")
    assert not record(to=current.uuid, value="4", at=NOON - MINUTE)

    assert every_row_version() == before


@pytest.mark.django_db
def test_the_answers_of_a_form_share_an_id_and_are_three() -> None:
    current = conversation()

    for key, value in (("weni_csat", "2"), ("weni_nps", "9"), ("comment", "slow delivery")):
        assert record(to=current.uuid, key=key, value=value)

    current.refresh_from_db()
    assert (current.csat, current.nps) == (2, 9)
    assert SurveyAnswer.objects.count() == OutboxEvent.objects.count() == 3


@pytest.mark.django_db
def test_an_id_that_restarts_with_the_session_is_new_in_each_conversation() -> None:
    first, second = closed(ended_at=NOON), conversation(opened_at=NOON + MINUTE)

    assert record(to=first.uuid, value="5")
    assert record(to=second.uuid, value="5", at=NOON + MINUTE)

    assert set(Conversation.objects.values_list("csat", flat=True)) == {5}


@pytest.mark.django_db
def test_no_separator_makes_two_answers_one() -> None:
    current = conversation()

    assert record(to=current.uuid, key="a", message_id="b\nc", value="d")
    assert record(to=current.uuid, key="a\nb", message_id="c", value="d")
    assert record(to=current.uuid, key="a", message_id="b", value="c\nd")

    assert OutboxEvent.objects.values("event_id").distinct().count() == 3


@pytest.mark.django_db
def test_a_repeat_moves_its_answer_forward_so_that_it_counts_again() -> None:
    current = conversation()
    record(to=current.uuid, message_id="a", value="5", at=NOON)
    record(to=current.uuid, message_id="b", value="2", at=NOON + MINUTE)

    assert not record(to=current.uuid, message_id="a", value="5", at=NOON + 2 * MINUTE)

    current.refresh_from_db()
    assert current.csat == 5
    assert replaced() == {"a": False, "b": True}
    sent = OutboxEvent.objects.order_by("pk").values_list("payload__value", flat=True)
    assert list(sent) == ["5", "2", "5"]
    (again,) = SurveyAnswer.objects.filter(message_id="a")
    assert len(again.lake_event_ids) == len(set(again.lake_event_ids)) == 2


@pytest.mark.django_db
@pytest.mark.parametrize("newest_first", [True, False])
def test_the_newest_answer_is_the_score_in_any_order_of_arrival(newest_first: bool) -> None:
    current = conversation()
    answers: list[dict[str, Any]] = [
        {"message_id": "a", "value": "1", "at": NOON},
        {"message_id": "b", "value": "5", "at": NOON + MINUTE},
    ]

    for answer in reversed(answers) if newest_first else answers:
        record(to=current.uuid, **answer)

    current.refresh_from_db()
    assert current.csat == 5
    assert replaced() == {"a": True, "b": False}


@pytest.mark.django_db
def test_an_older_answer_delivered_again_replaces_nothing() -> None:
    current = conversation()
    record(to=current.uuid, message_id="a", value="3", at=NOON)
    record(to=current.uuid, message_id="b", value="5", at=NOON + MINUTE)

    assert not record(to=current.uuid, message_id="a", value="3", at=NOON)

    current.refresh_from_db()
    assert current.csat == 5
    assert replaced() == {"a": True, "b": False}


@pytest.mark.django_db
@pytest.mark.parametrize("is_first", [True, False])
def test_an_answer_without_a_score_replaces_none_and_none_replaces_it(is_first: bool) -> None:
    current = conversation()
    at = NOON - MINUTE if is_first else NOON + MINUTE
    record(to=current.uuid, message_id="a", value="4")

    assert record(to=current.uuid, message_id="b", value="9", problem="out_of_range", at=at)
    assert not record(to=current.uuid, message_id="b", value="9", problem="out_of_range", at=at)
    record(to=current.uuid, message_id="c", value="3", at=NOON + 2 * MINUTE)

    current.refresh_from_db()
    assert current.csat == 3
    assert replaced() == {"a": True, "b": False, "c": False}
    sent = OutboxEvent.objects.order_by("pk").values_list("payload__value", flat=True)
    assert list(sent) == ["4", "3"]


@pytest.mark.django_db(transaction=True)
def test_of_two_answers_recorded_at_once_the_newest_is_the_score(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Answers of one conversation can arrive in two message groups."""
    current = conversation()
    make_event = services._lake_event
    threads: list[threading.Thread] = []

    def record_older_meanwhile(*arguments: Any) -> dict[str, Any]:
        if not threads:
            threads.append(started(lambda: record(to=current.uuid, message_id="a", value="1")))
            wait_for_a_blocked_session()
        return make_event(*arguments)

    monkeypatch.setattr(services, "_lake_event", record_older_meanwhile)
    record(to=current.uuid, message_id="b", value="5", at=NOON + MINUTE)
    threads[0].join(timeout=30)

    current.refresh_from_db()
    assert current.csat == 5
    assert replaced() == {"a": True, "b": False}


@pytest.mark.django_db
def test_of_two_answers_with_the_same_time_the_later_on_the_queue_is_the_score() -> None:
    current = conversation()
    record(to=current.uuid, message_id="a", value="2", sequence_number=10)
    record(to=current.uuid, message_id="b", value="1", sequence_number=9)

    current.refresh_from_db()
    assert current.csat == 2


@pytest.mark.django_db
def test_csat_and_nps_do_not_affect_each_other() -> None:
    current = conversation()
    record(to=current.uuid, message_id="a", key="weni_csat", value="3")
    record(to=current.uuid, message_id="b", key="weni_nps", value="9")

    current.refresh_from_db()
    assert (current.csat, current.nps) == (3, 9)
    assert replaced() == {"a": False, "b": False}


@pytest.mark.django_db
def test_a_custom_event_is_kept_without_a_score() -> None:
    current = conversation()
    record(to=current.uuid, key="order_status", value="delivered")

    current.refresh_from_db()
    assert (current.csat, current.nps) == (None, None)
    assert SurveyAnswer.objects.get().score is None
    assert OutboxEvent.objects.get().payload["value"] == "delivered"


@pytest.mark.django_db
def test_an_answer_without_a_conversation_is_kept_and_creates_its_project() -> None:
    assert record(to=None)

    assert SurveyAnswer.objects.get().conversation is None
    assert Project.objects.count() == 1
    assert OutboxEvent.objects.get().payload["metadata"]["conversation_uuid"] is None


@pytest.mark.django_db
def test_the_longest_urn_and_id_are_recorded() -> None:
    urn = "".join(chr(0x1F300 + number) for number in range(512))

    assert answer_recorded(
        of=contact(urn=urn),
        message_id="".join(chr(0x1F300 + number) for number in range(64)),
        key="k" * 255,
        value="x" * 1_000_000,
        at=NOON,
        sequence_number=10**38,
        correlation_id="c" * 10_000,
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("key", "agent"),
    [
        ("weni_csat", settings.AGENT_UUID_CSAT),
        ("weni_nps", settings.AGENT_UUID_NPS),
        ("order_status", None),
    ],
)
def test_the_lake_event_has_all_fields_of_the_answer(key: str, agent: str | None) -> None:
    # The clock of the message's producer was wrong. The lake gets the times of the queue.
    last = closed(ended_at=NOON + MINUTE, started_at=NOON + 4 * MINUTE)

    record(to=last.uuid, key=key)

    event = OutboxEvent.objects.get()
    assert event.created_at == NOON + MINUTE
    assert event.delivered_at is None
    assert event.payload == {
        "event_id": str(event.event_id),
        "event_name": "weni_nexus_data",
        "date": "2026-11-23T12:00:00+00:00",
        "project": str(last.project_id),
        "contact_urn": URN,
        "key": key,
        "value_type": "string",
        "value": "5",
        "metadata": {
            "conversation_uuid": str(last.uuid),
            "conversation_start_date": "2026-11-23T12:00:00+00:00",
            "conversation_end_date": "2026-11-23T12:01:00+00:00",
            "agent_uuid": agent,
        },
    }


@pytest.mark.django_db
def test_the_lake_event_always_has_the_same_id() -> None:
    record()
    first = OutboxEvent.objects.get().event_id
    SurveyAnswer.objects.all().delete()

    record()

    assert OutboxEvent.objects.get().event_id == first


@pytest.mark.django_db(transaction=True)
def test_answer_score_and_outbox_are_written_together_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    current = conversation()

    def refuse(*_arguments: Any) -> Any:
        raise RuntimeError("the outbox refuses")

    with monkeypatch.context() as patch:
        patch.setattr(services, "_lake_event", refuse)
        with pytest.raises(RuntimeError):
            record(to=current.uuid)

    current.refresh_from_db()
    assert current.csat is None
    assert not SurveyAnswer.objects.exists()
    assert not OutboxEvent.objects.exists()

    assert record(to=current.uuid)
    current.refresh_from_db()
    assert current.csat == 5
