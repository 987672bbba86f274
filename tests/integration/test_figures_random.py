"""For random data, the figures equal a plain computation in Python."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from statistics import mean, median
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.analytics.figures import Figures, Period, Scope, figures
from apps.analytics.models import SurveyAnswer
from apps.conversations.models import Conversation, Project, Resolution
from tests.support.builders import CHANNEL, PROJECT

pytestmark = pytest.mark.django_db

# Each case uses one of two periods. In the one of 2018, clocks in São Paulo are set back at
# midnight; in the one of 2026, clocks in New York are set forward.
BEGINNINGS = (datetime(2018, 2, 16, tzinfo=UTC), datetime(2026, 3, 7, tzinfo=UTC))
DAYS = 3
# The hours of the day, in UTC, at which a day or an offset begins in one of the zones below.
EDGES = (0, 2, 3, 4, 5, 7, 10, 18.25)
PROJECTS = tuple(uuid5(PROJECT, str(number)) for number in range(3))
CHANNELS = tuple(uuid5(CHANNEL, str(number)) for number in range(2))
ZONES = ("America/Sao_Paulo", "America/New_York", "Asia/Kathmandu", "Pacific/Kiritimati", "UTC")
SCOPES = (
    Scope(),
    Scope(project=PROJECTS[0]),
    Scope(project=PROJECTS[0], channel=CHANNELS[0]),
    Scope(channel=CHANNELS[1]),
)
CLOSED = [one for one in Resolution if one is not Resolution.IN_PROGRESS]


@dataclass(eq=False, kw_only=True)
class Talk:
    """A conversation, as plain values; `ended_at` is None while it is in progress."""

    project: UUID
    channel: UUID
    opened_at: datetime
    ended_at: datetime | None
    resolution: Resolution
    messages: int
    lasts: timedelta
    archived: bool
    answers: "list[Answer]" = field(default_factory=list)


@dataclass(eq=False, kw_only=True)
class Answer:
    """An answer, as plain values. Of two answers with the same time, the higher number is newer."""

    number: int
    project: UUID
    channel: UUID
    kind: str
    score: int
    at: datetime
    talk: Talk | None

    @property
    def counts(self) -> bool:
        """Whether it is the newest of its kind in its conversation, or has no conversation."""
        rivals = [one for one in self.talk.answers if one.kind == self.kind] if self.talk else []
        return not any((one.at, one.number) > (self.at, self.number) for one in rivals)


@dataclass(frozen=True, kw_only=True)
class World:
    """All projects, conversations and answers of a case."""

    zones: Sequence[str]
    talks: Sequence[Talk]
    answers: Sequence[Answer]
    first_day: date
    days: int


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw a few projects in random zones, with a few days of conversations and answers."""
    beginning = draw(st.sampled_from(BEGINNINGS))
    # The instants at which days and offsets begin, just before them, and half an hour after.
    moments = st.builds(
        lambda day, hours, beside: beginning + timedelta(days=day, hours=hours) + beside,
        st.integers(min_value=0, max_value=DAYS - 1),
        st.sampled_from(EDGES),
        st.sampled_from([timedelta(0), -timedelta(microseconds=1), timedelta(minutes=30)]),
    )
    talk = st.builds(
        Talk,
        project=st.sampled_from(PROJECTS),
        channel=st.sampled_from(CHANNELS),
        opened_at=moments,
        ended_at=st.none() | moments,
        resolution=st.sampled_from(CLOSED),
        messages=st.integers(min_value=0, max_value=9),
        lasts=st.integers(min_value=0, max_value=7).map(lambda n: timedelta(minutes=n * n)),
        archived=st.booleans(),
        answers=st.builds(list),
    )
    talks = draw(st.lists(talk, max_size=12))
    kinds = st.sampled_from(["weni_csat", "weni_nps", "order_status"])
    answers = []
    for number in range(draw(st.integers(min_value=0, max_value=20))):
        target = draw(st.none() | st.sampled_from(talks)) if talks else None
        kind = draw(kinds)
        answer = Answer(
            number=number,
            project=target.project if target else draw(st.sampled_from(PROJECTS)),
            channel=target.channel if target else draw(st.sampled_from(CHANNELS)),
            kind=kind,
            score=draw(st.integers(1, 5) if kind == "weni_csat" else st.integers(0, 10)),
            at=draw(moments),
            talk=target,
        )
        answers.append(answer)
        if target:
            target.answers.append(answer)
    return World(
        zones=draw(st.lists(st.sampled_from(ZONES), min_size=3, max_size=3)),
        talks=talks,
        answers=answers,
        first_day=beginning.date() + timedelta(days=draw(st.integers(-1, 2))),
        days=draw(st.integers(1, 3)),
    )


@settings(
    max_examples=80,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(world=worlds())
def test_the_figures_equal_a_plain_computation(db: None, world: World) -> None:
    period = Period(first=world.first_day, last=world.first_day + timedelta(days=world.days - 1))
    with stored(world):
        found = [figures(scope=scope, period=period) for scope in SCOPES]

    for scope, of_scope in zip(SCOPES, found, strict=True):
        assert as_found(of_scope) == computed(world, scope, period)


def computed(world: World, scope: Scope, period: Period) -> dict[str, Any]:
    """Compute the figures, one row at a time."""
    zones = dict(zip(PROJECTS, map(ZoneInfo, world.zones), strict=True))

    def chosen(one: Talk | Answer, at: datetime | None) -> bool:
        return (
            at is not None
            and scope.project in (None, one.project)
            and scope.channel in (None, one.channel)
            and period.first <= at.astimezone(zones[one.project]).date() <= period.last
        )

    opened = [one for one in world.talks if chosen(one, one.opened_at)]
    closed = [one for one in world.talks if chosen(one, one.ended_at)]
    answers = [one for one in world.answers if chosen(one, one.at) and one.counts]
    csat = [one.score for one in answers if one.kind == "weni_csat"]
    nps = [one.score for one in answers if one.kind == "weni_nps"]
    answered = [
        one for one in closed if any(answer.kind.startswith("weni_") for answer in one.answers)
    ]
    talked = [one for one in closed if one.archived and one.messages]
    local_opened = [one.opened_at.astimezone(zones[one.project]) for one in opened]
    local_answered = [
        (one.at.astimezone(zones[one.project]).date(), one.kind, one.score)
        for one in answers
        if one.kind != "order_status"
    ]
    local_closed = [
        (one.ended_at.astimezone(zones[one.project]).date(), one.resolution)
        for one in closed
        if one.ended_at
    ]
    return {
        "csat": (len(csat), share(sum(one >= 4 for one in csat), csat), or_none(mean, csat)),
        "nps": (len(nps), share(sum((one > 8) - (one < 7) for one in nps), nps)),
        "answers by day": sorted(local_answered),
        "opened by day": sorted(at.date() for at in local_opened),
        "opened by hour": sorted(at.hour for at in local_opened),
        "closed by day": sorted(local_closed),
        "response": (len(answered), share(len(answered), closed)),
        "archived": sum(one.archived for one in closed),
        "messages": sum(one.messages for one in closed),
        "median messages": or_none(median, [one.messages for one in talked]),
        "median seconds": or_none(median, [one.lasts.total_seconds() for one in talked]),
    }


def as_found(found: Figures) -> dict[str, Any]:
    """Return the figures in the form of `computed`, with counts expanded to lists."""
    csat, nps, duration = found.surveys.csat, found.surveys.nps, found.lengths.median_duration
    kinds = (("weni_csat", found.surveys.csat_by_day), ("weni_nps", found.surveys.nps_by_day))
    answers = [
        (day, kind, score)
        for kind, days in kinds
        for day, of_day in days.items()
        for score, number in of_day.distribution.items()
        for _ in range(number)
    ]
    closed = [
        (day, resolution)
        for day, numbers in found.closings.by_day.items()
        for resolution, number in numbers.items()
        for _ in range(number)
    ]
    assert len(answers) == csat.answers + nps.answers
    assert len(closed) == found.closings.closed
    return {
        "csat": (csat.answers, near(csat.satisfied_percent), near(csat.mean)),
        "nps": (nps.answers, near(nps.score)),
        "answers by day": sorted(answers),
        "opened by day": sorted(repeated(found.openings.by_day.items())),
        "opened by hour": sorted(repeated(found.openings.by_hour.items())),
        "closed by day": sorted(closed),
        "response": (found.closings.answered, near(found.closings.response_percent)),
        "archived": found.closings.archived,
        "messages": found.closings.messages,
        "median messages": near(found.lengths.median_messages),
        "median seconds": None if duration is None else near(duration.total_seconds()),
    }


def share(part: int, whole: Sequence[Any]) -> float | None:
    """Return the share in percent, or None if the whole is empty."""
    return part / len(whole) * 100 if whole else None


def or_none(function: Any, values: Sequence[Any]) -> Any:
    """Return the function's value, or None if there are no values."""
    return function(values) if values else None


def near(value: float | None) -> Any:
    """Return a value that equals all values up to the last digits."""
    return None if value is None else pytest.approx(value, abs=1e-6)


def repeated(numbers: Iterable[tuple[Any, int]]) -> Iterator[Any]:
    """Yield each thing as often as it was counted."""
    for thing, number in numbers:
        yield from [thing] * number


@contextmanager
def stored(world: World) -> Iterator[None]:
    """Store the case in the database until the block ends."""
    with transaction.atomic():
        Project.objects.bulk_create(
            Project(uuid=uuid, timezone=zone)
            for uuid, zone in zip(PROJECTS, world.zones, strict=True)
        )
        rows = {talk: as_row(number, talk) for number, talk in enumerate(world.talks)}
        Conversation.objects.bulk_create(rows.values())
        SurveyAnswer.objects.bulk_create(
            SurveyAnswer(
                project_id=answer.project,
                channel_uuid=answer.channel,
                contact_urn="telegram:1",
                message_id=str(answer.number),
                conversation=rows[answer.talk] if answer.talk else None,
                key=answer.kind,
                value=str(answer.score),
                score=answer.score if answer.kind != "order_status" else None,
                answered_at=answer.at,
                is_replaced=not answer.counts,
                sequence_number=answer.number,
            )
            for answer in world.answers
        )
        yield
        transaction.set_rollback(True)


def as_row(number: int, talk: Talk) -> Conversation:
    """Return the conversation as the service would have written it."""
    scores = {one.kind: one.score for one in talk.answers if one.counts}
    is_closed = talk.ended_at is not None
    return Conversation(
        project_id=talk.project,
        channel_uuid=talk.channel,
        contact_urn=f"telegram:{number}",
        group_id=f"group:{number}",
        started_at=talk.opened_at - timedelta(days=9),
        opened_at=talk.opened_at,
        closes_at=talk.opened_at,
        ended_at=talk.ended_at,
        resolution=talk.resolution if is_closed else Resolution.IN_PROGRESS,
        csat=scores.get("weni_csat"),
        nps=scores.get("weni_nps"),
        message_count=talk.messages,
        first_message_at=talk.opened_at if talk.messages else None,
        last_message_at=talk.opened_at + talk.lasts if talk.messages else None,
        archived_at=talk.ended_at if is_closed and talk.archived else None,
    )
