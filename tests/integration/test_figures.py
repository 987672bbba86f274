"""The figures of a project count the right rows."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from apps.analytics import figures
from apps.analytics.figures import Period, Quantiles, Scope
from apps.conversations.models import Conversation, Resolution
from tests.support.builders import CHANNEL, NOON, PROJECT, contact, entries, entry, found
from tests.support.figures import answers, closed, made_project, opened
from tests.support.services import answer_recorded
from tests.support.stored import archive_many

pytestmark = pytest.mark.django_db

TODAY = NOON.date()
HOUR = timedelta(hours=1)
OTHER = UUID("0a9b8c7d-6e5f-4a3b-8c2d-1e0f9a8b7c6d")
THE_PROJECT = Scope(project=PROJECT)
THE_DAY = Period(first=TODAY, last=TODAY)


@pytest.fixture(autouse=True)
def _the_project_is_in_utc(db: None) -> None:
    made_project(timezone="UTC")


def surveys(scope: Scope = THE_PROJECT) -> figures.SurveyFigures:
    """Return the survey figures of the day."""
    return figures.figures(scope=scope, period=THE_DAY).surveys


def closings(scope: Scope = THE_PROJECT) -> figures.ClosingFigures:
    """Return the closing figures of the day."""
    return figures.figures(scope=scope, period=THE_DAY).closings


def lengths() -> figures.LengthFigures:
    """Return the length figures of the day."""
    return figures.figures(scope=THE_PROJECT, period=THE_DAY).lengths


def times() -> figures.TimeFigures:
    """Return the times of the day."""
    return figures.figures(scope=THE_PROJECT, period=THE_DAY).times


def record(score: int, *, key: str, to: Conversation, at: datetime = NOON) -> None:
    """Record an answer as the steps do for an event."""
    answer_recorded(
        of=contact(urn=to.contact_urn),
        message_id=str(uuid4()),
        to=to.uuid,
        key=key,
        value=str(score),
        at=at,
    )


def test_csat_has_its_share_mean_and_distribution() -> None:
    answers([1, 3, 4, 5, 5], at=NOON)

    csat = surveys().csat

    assert csat.distribution == {1: 1, 2: 0, 3: 1, 4: 1, 5: 2}
    assert (csat.answers, csat.satisfied_percent, csat.mean) == (5, 60, 3.6)


def test_nps_counts_passives_and_zeros() -> None:
    answers([0, 6, 7, 8, 9, 10, 10, 10], at=NOON, key="weni_nps")

    nps = surveys().nps

    assert (nps.promoters, nps.passives, nps.detractors) == (4, 2, 2)
    assert nps.score == 25
    assert nps.distribution[0] == 1


def test_only_the_newest_of_two_answers_in_a_conversation_counts() -> None:
    conversation = opened(NOON)
    record(1, key="weni_csat", to=conversation)
    record(5, key="weni_csat", to=conversation, at=NOON + HOUR)
    record(0, key="weni_nps", to=conversation)

    found = surveys()

    assert found.csat.distribution == {1: 0, 2: 0, 3: 0, 4: 0, 5: 1}
    assert found.nps.answers == 1


def test_an_answer_without_a_conversation_counts_but_is_not_a_survey_response() -> None:
    closed(NOON, contact_wrote=True)
    answers([5], at=NOON)

    assert surveys().csat.answers == 1
    assert closings().answered == 0
    assert closings().survey_response_percent is None


def test_a_custom_event_is_not_counted_as_an_answer() -> None:
    answer_recorded(key="order_status", at=NOON)

    found = surveys()

    assert (found.csat.answers, found.nps.answers) == (0, 0)


def test_the_survey_response_rate_counts_each_closed_conversation_once() -> None:
    both, late = closed(NOON, contact_wrote=True), closed(NOON, contact_wrote=True)
    for _ in range(2):
        closed(NOON, contact_wrote=True)
    record(5, key="weni_csat", to=both)
    record(9, key="weni_nps", to=both)
    record(0, key="weni_nps", to=late, at=NOON + timedelta(days=3))
    record(5, key="weni_csat", to=opened(NOON))

    found = closings()

    assert (found.closed, found.answered, found.survey_response_percent) == (4, 2, 50)


def test_outreach_is_counted_separately() -> None:
    """Campaign messages without a reply must not look like customers who did not answer."""
    for _ in range(3):
        closed(NOON, messages=1, span=(NOON, NOON))
    customer = closed(NOON, contact_wrote=True, messages=8, span=(NOON - HOUR, NOON))
    record(5, key="weni_csat", to=customer)

    found = closings()

    assert (found.closed, found.outreach, found.contact_wrote) == (4, 3, 1)
    assert found.outreach_by_day == {TODAY: 3}
    assert (found.answered, found.survey_response_percent) == (1, 100)
    assert lengths().median_messages == 8
    assert lengths().median_duration == HOUR


def test_an_answer_without_text_to_a_campaign_is_not_a_survey_response() -> None:
    record(5, key="weni_csat", to=closed(NOON))
    closed(NOON, contact_wrote=True)

    assert (closings().outreach, closings().answered) == (1, 0)
    assert surveys().csat.answers == 1


def test_conversations_are_counted_by_resolution() -> None:
    for resolution in (0, 0, 1, 3, 4, 4, 4):
        closed(NOON, resolution=Resolution(resolution))
    opened(NOON)

    found = closings()

    expected = {
        Resolution.RESOLVED: 2,
        Resolution.UNRESOLVED: 1,
        Resolution.UNCLASSIFIED: 1,
        Resolution.HAS_CHAT_ROOM: 3,
    }
    assert found.by_resolution == found.by_day[TODAY] == expected
    assert found.closed == 7


def test_openings_are_counted_by_queue_time() -> None:
    opened(NOON, started_at=NOON - timedelta(days=400))
    opened(NOON + 3 * HOUR, started_at=NOON + timedelta(days=400))

    found = figures.figures(scope=THE_PROJECT, period=THE_DAY).openings

    assert (found.opened, found.by_day) == (2, {TODAY: 2})
    assert {hour for hour, number in found.by_hour.items() if number} == {12, 15}


def test_medians_are_of_archived_conversations_with_messages() -> None:
    for messages, minutes in ((1, 0), (4, 10), (5, 30), (100, 60)):
        span = (NOON - timedelta(minutes=minutes), NOON)
        closed(NOON, messages=messages, span=span, contact_wrote=True)
    closed(NOON, messages=1_000, span=(NOON - 9 * HOUR, NOON), archived=False, contact_wrote=True)
    closed(NOON, messages=0, contact_wrote=True)

    assert lengths().median_messages == 4.5
    assert lengths().median_duration == timedelta(minutes=20)
    found = closings()
    assert (found.closed, found.archived, found.messages) == (6, 5, 1_110)


def test_a_deleted_archive_counts_for_the_duration_but_not_for_the_length() -> None:
    closed(NOON, messages=0, span=(NOON - HOUR, NOON), contact_wrote=True)

    assert lengths().median_messages is None
    assert lengths().median_duration == HOUR


def test_the_first_response_is_the_first_sent_message_after_the_first_of_the_contact() -> None:
    for seconds in (10, 20, 30, 3_600):
        opened(NOON, contact_wrote=True, first_sent_at=NOON + timedelta(seconds=seconds))
    # No response, a message to a contact who never wrote, and one that the contact responded to.
    opened(NOON, contact_wrote=True)
    opened(NOON, first_sent_at=NOON)
    opened(NOON, contact_wrote=True, first_sent_at=NOON - HOUR)

    found = times().first_response

    assert (found.number, found.median) == (4, timedelta(seconds=25))
    assert found.p90 == timedelta(seconds=30 + 0.7 * 3_570)


def test_archiving_finds_the_first_response_in_any_order() -> None:
    conversation = opened(NOON, contact_wrote=True)
    for seconds in (40, 90, 30):
        message = entry(
            message_id=f"m-{seconds}",
            at=NOON + timedelta(seconds=seconds),
            event_type="message.sent",
        )
        archive_many(conversation_uuid=conversation.uuid, entries=[message])
    archive_many(conversation_uuid=conversation.uuid, entries=entries(number=3))

    assert times().first_response.median == timedelta(seconds=30)


def test_the_time_to_resolution_is_that_of_conversations_in_which_the_contact_wrote() -> None:
    for hours in (1, 2, 3, 30):
        closed(NOON, opened_at=NOON - hours * HOUR, contact_wrote=True, archived=False)
    closed(NOON, opened_at=NOON - 99 * HOUR)

    found = times().to_resolution

    assert (found.number, found.median) == (4, 2.5 * HOUR)
    assert found.p90 == (3 + 0.7 * 27) * HOUR


def test_long_times_and_lengths_are_exact_to_one_percent() -> None:
    for number in range(1, 60):
        length = round(1.3**number) if number < 50 else number * 20_000
        closed(
            NOON,
            opened_at=NOON - timedelta(seconds=length),
            contact_wrote=True,
            channel=UUID(int=number),
            messages=length,
            span=(NOON, NOON),
        )
        scope = Scope(channel=UUID(int=number))
        found = figures.figures(scope=scope, period=THE_DAY)

        assert found.lengths.median_messages == pytest.approx(length, rel=0.01)
        median = found.times.to_resolution.median
        assert median is not None
        assert median.total_seconds() == pytest.approx(length, rel=0.01)


@pytest.mark.parametrize("scope", [THE_PROJECT, Scope(), Scope(project=OTHER)])
def test_shares_without_data_are_none(scope: Scope) -> None:
    everything = figures.figures(scope=scope, period=THE_DAY)

    assert everything.surveys.csat.satisfied_percent is None
    assert everything.surveys.nps_by_day[TODAY].score is None
    assert everything.closings.survey_response_percent is None
    assert everything.lengths.median_messages is None
    assert everything.lengths.median_duration is None
    assert everything.times.first_response == Quantiles(number=0, median=None, p90=None)
    assert everything.times.to_resolution.p90 is None
    assert (everything.openings.opened, everything.closings.closed) == (0, 0)
    assert set(everything.openings.by_hour) == set(range(24))


def test_a_scope_leaves_out_other_projects_and_channels() -> None:
    made_project(uuid=OTHER, timezone="UTC")
    elsewhere = uuid4()
    for project, channel, number in (
        (PROJECT, CHANNEL, 1),
        (PROJECT, elsewhere, 2),
        (OTHER, CHANNEL, 4),
    ):
        answers([5] * number, at=NOON, project=project, channel=channel)
        for _ in range(number):
            opened(NOON, project=project, channel=channel)
            closed(
                NOON,
                project=project,
                channel=channel,
                messages=number,
                span=(NOON, NOON),
                contact_wrote=True,
            )

    def counts(**scope: Any) -> tuple[Any, ...]:
        found = figures.figures(scope=Scope(**scope), period=THE_DAY)
        return (
            found.surveys.csat.answers,
            found.openings.opened,
            found.closings.closed,
            found.lengths.median_messages,
        )

    assert counts() == (7, 7, 7, 4)
    assert counts(project=PROJECT) == (3, 3, 3, 2)
    assert counts(project=PROJECT, channel=CHANNEL) == (1, 1, 1, 1)
    assert counts(channel=CHANNEL) == (5, 5, 5, 4)
    assert counts(project=OTHER, channel=elsewhere) == (0, 0, 0, None)


def test_all_figures_run_three_statements(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    made_project(uuid=OTHER, timezone="Asia/Tokyo")

    with django_assert_num_queries(3):
        figures.figures(scope=Scope(), period=Period.of_days(30, last=TODAY))


def mark_as_written_in(conversation: Conversation) -> None:
    """Mark the conversation as one in which the contact wrote."""
    found(urn=conversation.contact_urn, sent_at=datetime.now(UTC), contact_name="")


def score(conversation: Conversation) -> None:
    """Record a survey answer."""
    record(5, key="weni_csat", to=conversation)


def archive_messages(conversation: Conversation) -> None:
    """Merge messages into the conversation's archive."""
    archive_many(conversation_uuid=conversation.uuid, entries=entries(number=3))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", [mark_as_written_in, score, archive_messages])
def test_updates_of_conversations_are_hot_despite_the_indexes_of_the_figures(
    change: Callable[[Conversation], None],
) -> None:
    """An update that changes no indexed column writes no index (PostgreSQL manual, "HOT")."""
    conversation = opened(datetime.now(UTC))

    before = hot_updates()
    change(conversation)
    updates, hot = (now - then for now, then in zip(hot_updates(), before, strict=True))

    assert updates == hot == 1


def hot_updates() -> tuple[int, int]:
    """Return the updates of conversations in this transaction, and the HOT updates among them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables"
            " WHERE relname = 'conversations_conversation'"
        )
        updates, hot = cursor.fetchone()
    return updates, hot
