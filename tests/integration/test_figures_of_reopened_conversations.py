"""Reopening a conversation does not change the figures of past days."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.analytics.figures import Period, Scope, figures
from apps.analytics.figures.documents import as_document
from apps.conversations.models import Conversation, Resolution
from apps.conversations.operator_requests import reopen, request_reopen
from celery_sqs_fifo import Place
from tests.support.builders import NOON, PROJECT, contact, conversation, entries, sequence_at
from tests.support.closings import at as time_at
from tests.support.console_client import DRILLDOWN, MAY_READ, browser, page
from tests.support.figures import made_project
from tests.support.services import answer_recorded, close_by_event
from tests.support.stored import archive_many

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("aws")]

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
PAST = NOON.date()


def figures_of(day: date) -> dict[str, Any]:
    """Return all figures of a day."""
    period = Period(first=day, last=day)
    return as_document(figures(scope=Scope(project=PROJECT), period=period, times_by_day=True))


def answer(score: int, *, to: Conversation, at: datetime) -> None:
    """Record a CSAT answer."""
    answer_recorded(
        of=contact(urn=to.contact_urn),
        message_id=f"answer of {at}",
        to=to.uuid,
        key="weni_csat",
        value=str(score),
        at=at,
    )


def reopened(closed: Conversation, at: datetime, *, queue_time: datetime | None = None) -> None:
    """Reopen a conversation as an operator and a worker do.

    `queue_time` is that of the pointer, if it is not the time to which its sequence number belongs.
    """
    request_reopen(conversation_uuid=closed.uuid, now=at)
    milliseconds = round((queue_time or at).timestamp() * 1000)
    place = Place(milliseconds, int(sequence_at(at)), closed.group_id)
    reopen(conversation_uuid=closed.uuid, place=place)


@pytest.fixture
def past(db: None) -> Conversation:
    """A conversation that was opened, closed, archived and rated on a past day."""
    made_project(timezone="UTC")
    closed = conversation(
        opened_at=NOON - HOUR,
        ended_at=NOON,
        resolution=Resolution.RESOLVED,
        archived_at=NOON + HOUR / 6,
    )
    archive_many(conversation_uuid=closed.uuid, entries=entries(number=4, start=NOON - HOUR))
    answer(2, to=closed, at=NOON + HOUR)
    return closed


def test_a_reopened_conversation_does_not_change_the_figures_of_the_day_of_its_closing(
    past: Conversation,
) -> None:
    before = figures_of(PAST)
    assert before["figures"]["conversations"]["closed"] == 1
    assert before["figures"]["conversations"]["messages"] == 4

    reopened(past, NOON + DAY)

    assert figures_of(PAST) == before


def test_closing_and_answering_again_counts_on_the_later_day_only(past: Conversation) -> None:
    before = figures_of(PAST)
    reopened(past, NOON + DAY)
    archive_many(conversation_uuid=past.uuid, entries=entries(number=6, start=NOON - HOUR))
    at = NOON + DAY + HOUR
    close_by_event(resolution=Resolution.UNRESOLVED, sent_at=at, now=at)
    Conversation.objects.update(archived_at=NOON + DAY + 2 * HOUR)
    answer(5, to=past, at=NOON + DAY + 2 * HOUR)

    assert figures_of(PAST) == before
    later = figures_of(PAST + DAY)["figures"]
    assert later["conversations"]["by_resolution"]["unresolved"] == 1
    assert (later["csat"]["answers"], later["csat"]["mean"]) == (1, 5)
    # Only the messages since the reopening, so that no message counts on two days.
    assert later["conversations"]["messages"] == 2
    past.refresh_from_db()
    assert past.csat == 5


def test_a_new_answer_still_replaces_one_that_was_given_after_the_reopening(
    past: Conversation,
) -> None:
    reopened(past, NOON + DAY)
    answer(5, to=past, at=NOON + DAY + HOUR)
    answer(4, to=past, at=NOON + DAY + 2 * HOUR)

    assert figures_of(PAST)["figures"]["csat"]["mean"] == 2
    assert figures_of(PAST + DAY)["figures"]["csat"]["mean"] == 4


def test_a_new_answer_replaces_none_from_before_a_reopening_whose_queue_time_fell(
    past: Conversation,
) -> None:
    reopened(past, NOON + DAY, queue_time=past.opened_at - timedelta(seconds=1))
    answer(5, to=past, at=NOON + DAY + HOUR)

    assert figures_of(PAST)["figures"]["csat"]["mean"] == 2
    assert figures_of(PAST + DAY)["figures"]["csat"]["mean"] == 5


def test_an_answer_that_comes_late_counts_before_the_reopening(past: Conversation) -> None:
    reopened(past, NOON + DAY)
    answer(5, to=past, at=NOON + DAY + HOUR)
    answer(3, to=past, at=NOON + 2 * HOUR)

    assert figures_of(PAST)["figures"]["csat"]["mean"] == 3
    past.refresh_from_db()
    assert past.csat == 5


def test_the_list_of_a_past_day_shows_the_closing_as_it_was(
    past: Conversation, settings: Any
) -> None:
    settings.CONSOLE_ENABLED = True
    reopened(past, NOON + DAY)
    client: Client = browser(*MAY_READ)

    with time_at(NOON + DAY):
        document = page(
            client, reverse(DRILLDOWN), of="closed", first=PAST.isoformat(), last=PAST.isoformat()
        )

    (facts,) = document.all("div", of_class="console-facts")
    assert "Resolved" in facts.text
