"""The daily rollups stay equal to the rows, whatever happens to past days."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection, transaction
from pytest_django import DjangoAssertNumQueries

from apps.analytics import rollups
from apps.analytics.figures import Figures, Period, Scope, figures
from apps.analytics.models import SurveyAnswer
from apps.analytics.rollup_models import DailyRollup, RollupMark, RollupState, RollupWatch
from apps.common import clock
from apps.conversations.models import Conversation, Resolution
from apps.conversations.operator_requests import reopen, request_reopen
from apps.conversations.project_models import Project
from apps.conversations.windows import WindowUpdate
from celery_sqs_fifo import Place
from tests.support.builders import NOON, PROJECT, contact, conversation, entries, sequence_at
from tests.support.erasures import erase
from tests.support.figures import answers, closed, made_project
from tests.support.rollups import differing_days, roll_up
from tests.support.services import answer_recorded, close_by_event, take_over
from tests.support.stored import archive_many

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("aws", "outbox_hints")]

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
SETTLED = NOON + 10 * DAY
PERIOD = Period(first=NOON.date() - 5 * DAY, last=NOON.date() + 5 * DAY)


def read(scope: Scope | None = None) -> Figures:
    """Return the figures of the days around noon."""
    return figures(scope=scope or Scope(), period=PERIOD)


def read_from_rows() -> Figures:
    """Return the same figures without any rollup."""
    with transaction.atomic():
        RollupState.objects.all().delete()
        DailyRollup.objects.filter(of_deleted=False).delete()
        from_rows = read()
        transaction.set_rollback(True)
    return from_rows


@pytest.fixture
def past(db: None) -> Conversation:
    """A conversation that was closed, archived and rated on a day that was then rolled up."""
    made_project(timezone="UTC")
    past = conversation(
        opened_at=NOON - HOUR,
        ended_at=NOON,
        resolution=Resolution.UNCLASSIFIED,
        archived_at=NOON + HOUR,
    )
    archive_many(conversation_uuid=past.uuid, entries=entries(number=4, start=NOON - HOUR))
    rate(past, 2, at=NOON + HOUR)
    roll_up(until=SETTLED)
    return past


def rate(past: Conversation, score: int, *, at: datetime) -> None:
    answer_recorded(
        of=contact(), message_id=str(at), to=past.uuid, key="weni_csat", value=str(score), at=at
    )


def is_archived_late(past: Conversation) -> None:
    late = entries(number=9, start=NOON - 2 * HOUR)[4:]
    archive_many(conversation_uuid=past.uuid, entries=late)


def is_redriven(_past: Conversation) -> None:
    """An event of a past day opens a conversation of its own, and its answer comes with it."""
    closed(NOON - 2 * DAY, opened_at=NOON - 3 * DAY, contact_wrote=True)
    answers([4], at=NOON - 2 * DAY)


def is_reopened_and_closed_again(past: Conversation) -> None:
    at = NOON + 2 * DAY
    request_reopen(conversation_uuid=past.uuid, now=at)
    place = Place(round(at.timestamp() * 1000), int(sequence_at(at)), past.group_id)
    reopen(conversation_uuid=past.uuid, place=place)
    close_by_event(sent_at=at + HOUR, now=at + HOUR, dynamodb=False)
    rate(past, 5, at=at + 2 * HOUR)


def is_taken_over_late(_past: Conversation) -> None:
    take_over(WindowUpdate(external_id="w-1"), sent_at=NOON + HOUR)


def is_corrected(past: Conversation) -> None:
    rate(past, 5, at=NOON + 2 * HOUR)


def is_erased(_past: Conversation) -> None:
    erase(at=NOON + 8 * DAY)


def moves_to_another_zone(_past: Conversation) -> None:
    Project.objects.update(timezone="Pacific/Kiritimati")


CHANGES = [
    *(is_archived_late, is_redriven, is_reopened_and_closed_again, is_taken_over_late),
    *(is_corrected, moves_to_another_zone),
    # The task closes the connection, and with it a transaction of the test.
    pytest.param(is_erased, marks=pytest.mark.django_db(transaction=True)),
]


def test_the_figures_of_a_past_day_come_from_its_rollup(past: Conversation) -> None:
    before = read()
    assert (before.openings.opened, before.closings.closed, before.surveys.csat.mean) == (1, 1, 2)
    assert before == read_from_rows()

    DailyRollup.objects.all().delete()

    assert read().openings.opened == 0


@pytest.mark.parametrize("change", CHANGES)
def test_figures_are_right_before_and_after_a_changed_day_is_rolled_up_again(
    past: Conversation, change: Callable[[Conversation], None]
) -> None:
    before = read()

    change(past)

    changed = read()
    assert changed != before
    assert changed == read_from_rows()

    roll_up(until=SETTLED)

    assert not RollupMark.objects.exists()
    assert read() == changed
    assert differing_days(PERIOD) == []


@pytest.mark.parametrize("scope", [Scope(), Scope(project=PROJECT)], ids=["all", "one"])
def test_retention_changes_no_figure(past: Conversation, scope: Scope) -> None:
    closed(NOON, contact_wrote=True)
    answers([1, 5], at=NOON)
    before = read(scope)

    homeless = SurveyAnswer.objects.filter(conversation=None)
    rollups.keep(answers=list(homeless.values_list("pk", flat=True)))
    homeless.delete()
    assert read(scope) == before

    rollups.keep(conversations=list(Conversation.objects.values_list("pk", flat=True)))
    Conversation.objects.all().delete()
    assert read(scope) == before

    roll_up(until=SETTLED)
    assert read(scope) == before
    assert sum(rollups.rebuild([PROJECT])) > 0
    assert read(scope) == before


def test_what_happens_now_leaves_no_mark(past: Conversation) -> None:
    closed(SETTLED, opened_at=SETTLED, contact_wrote=True)
    answers([5], at=SETTLED)

    assert not RollupMark.objects.exists()


def test_a_change_that_no_figure_shows_leaves_no_mark(past: Conversation) -> None:
    Conversation.objects.update(contact_name="", due_at=None, archive_check_at=None)
    SurveyAnswer.objects.update(lake_event_ids=[])

    assert not RollupMark.objects.exists()


def test_marking_a_day_sends_no_statement(
    past: Conversation, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        Conversation.objects.filter(pk=past.pk).update(csat=5)

    assert set(RollupMark.objects.values_list("at", flat=True)) == {NOON - HOUR, NOON}


def test_a_damaged_rollup_is_found_and_rebuilt(past: Conversation) -> None:
    DailyRollup.objects.filter(day=NOON.date(), project=PROJECT).update(numbers=[7])
    assert differing_days(PERIOD) == [(None, NOON.date()), (PROJECT, NOON.date())]

    assert sum(rollups.rebuild([PROJECT])) > 0

    assert differing_days(PERIOD) == []
    assert read() == read_from_rows()


@pytest.mark.django_db(transaction=True)
def test_a_day_is_rolled_up_only_when_every_older_transaction_has_ended() -> None:
    """A transaction that began before changes left marks may commit after the day was read."""
    made_project(timezone="UTC")
    now = clock.now()
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT pg_current_xact_id()")
            rollups.watch(now=now)
            assert rollups.settle() is None
            cursor.execute("COMMIT")
        until = rollups.settle()
    finally:
        other.close()

    assert until == RollupWatch.objects.get().marked_until
    assert now - 3 * DAY < until <= now - DAY


def test_a_fence_of_another_cluster_is_replaced(past: Conversation) -> None:
    RollupWatch.objects.update(settled_until=None, fence=2**62)

    rollups.settle()

    assert RollupWatch.objects.get().fence != 2**62


def test_a_project_that_had_no_rows_is_rolled_up_from_its_first_row(past: Conversation) -> None:
    Conversation.objects.all().delete()
    SurveyAnswer.objects.all().delete()
    roll_up(until=SETTLED)
    assert read() == read_from_rows()

    closed(NOON, opened_at=datetime(2001, 1, 1, tzinfo=UTC))
    roll_up(until=SETTLED)

    long_ago = figures(scope=Scope(), period=Period.of_days(1, last=date(2001, 1, 1)))
    assert long_ago.openings.opened == 1
    assert read().closings.closed == 1
