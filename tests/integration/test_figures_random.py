"""For random data, the figures equal the result of a simple computation in Python."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from statistics import mean, median, quantiles
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.analytics import rollups
from apps.analytics.figures import Figures, Period, Scope, TimeFigures, figures
from apps.analytics.models import SurveyAnswer
from apps.conversations.models import Conversation, EarlierClosing, Resolution
from apps.conversations.project_models import Project
from tests.support.builders import CHANNEL, PROJECT
from tests.support.rollups import differing_days, roll_up

pytestmark = pytest.mark.django_db

# Each case uses one of these periods. 2018: clocks in São Paulo are set back at midnight. 2026:
# clocks in New York are set forward. 2011: Samoa skips a day. 2015: North Korea changes its rule.
BEGINNINGS = tuple(
    datetime(*day, tzinfo=UTC)
    for day in ((2018, 2, 16), (2026, 3, 7), (2011, 12, 29), (2015, 8, 13))
)
DAYS = 3
# The hours of the day, in UTC, at which a day or an offset begins in one of the zones below.
EDGES = (0, 2, 3, 4, 5, 7, 10, 15, 15.5, 18.25)
PROJECTS = tuple(uuid5(PROJECT, str(number)) for number in range(3))
CHANNELS = tuple(uuid5(CHANNEL, str(number)) for number in range(2))
ZONES = (
    *("America/Sao_Paulo", "America/New_York", "Asia/Kathmandu", "Pacific/Kiritimati", "UTC"),
    *("Pacific/Apia", "Asia/Pyongyang"),
)
SCOPES = (
    Scope(),
    Scope(project=PROJECTS[0]),
    Scope(project=PROJECTS[0], channel=CHANNELS[0]),
    Scope(channel=CHANNELS[1]),
)
CLOSED = [one for one in Resolution if one is not Resolution.IN_PROGRESS]


@dataclass(eq=False, kw_only=True)
class Closing:
    """A closing, as plain values: what was known of its conversation until it was reopened."""

    at: datetime
    resolution: Resolution
    messages: int
    lasts: timedelta
    archived: bool
    wrote: bool
    answered: bool


@dataclass(eq=False, kw_only=True)
class Talk:
    """A conversation, as plain values; `ended_at` is None while it is in progress.

    `reopened` has the closings that were followed by a reopening. `responds` is the time from its
    opening to the first sent message, which may be before it; None if there is no such message.
    """

    project: UUID
    channel: UUID
    opened_at: datetime
    ended_at: datetime | None
    resolution: Resolution
    messages: int
    lasts: timedelta
    archived: bool
    wrote: bool
    responds: timedelta | None
    reopened: list[Closing]
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
        """Return whether the answer has no conversation, or is the newest of its kind in it."""
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

    @property
    def period(self) -> Period:
        """Return the period whose figures are read."""
        return Period(first=self.first_day, last=self.first_day + timedelta(days=self.days - 1))

    def without(self, talks: Collection[Talk]) -> "World":
        """Return the world without these conversations and their answers."""
        return replace(
            self,
            talks=[one for one in self.talks if one not in talks],
            answers=[one for one in self.answers if one.talk not in talks],
        )


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What happens to a world while its days are rolled up at two times.

    Conversations come late, or are changed or erased after the first time, and some are deleted by
    retention at the end. Answers without a conversation are corrected. A project may get another
    time zone.
    """

    rolled_up_at: tuple[datetime, datetime]
    late: Collection[Talk]
    changed: Collection[Talk]
    erased: Collection[Talk]
    expired: Collection[Talk]
    zone: str
    is_zone_first: bool


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
    closing = st.builds(
        Closing,
        at=moments,
        resolution=st.sampled_from(CLOSED),
        messages=st.integers(min_value=0, max_value=9),
        lasts=st.integers(min_value=0, max_value=7).map(lambda n: timedelta(minutes=n * n)),
        archived=st.booleans(),
        wrote=st.booleans(),
        answered=st.booleans(),
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
        wrote=st.booleans(),
        responds=st.none() | st.integers(-3, 90).map(lambda n: n * timedelta(seconds=n * n)),
        reopened=st.lists(closing, max_size=2),
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


@st.composite
def changing_worlds(draw: st.DrawFn) -> tuple[World, Changes]:
    """Draw a world and what happens to it."""
    world = draw(worlds())
    midnight = datetime(*world.first_day.timetuple()[:3], tzinfo=UTC)
    times = st.integers(-2, 6).map(lambda days: midnight + timedelta(days=days))
    some = st.sets(st.sampled_from(world.talks)) if world.talks else st.just(set[Talk]())
    first, second = sorted((draw(times), draw(times)))
    changes = Changes(
        rolled_up_at=(first, second),
        late=draw(some),
        changed=draw(some),
        erased=draw(some),
        expired=draw(some),
        zone=draw(st.sampled_from(ZONES)),
        is_zone_first=draw(st.booleans()),
    )
    return world, changes


@settings(
    max_examples=80,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(world=worlds())
def test_the_figures_equal_a_simple_computation(db: None, world: World) -> None:
    with stored(world):
        assert found_in(world) == computed_of(world)
        by_day = figures(scope=Scope(), period=world.period, times_by_day=True)
        assert figures(scope=Scope(), period=world.period) == replace(by_day, times_by_day={})


@settings(
    max_examples=40,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(case=changing_worlds())
def test_rollups_equal_a_simple_computation_however_rows_change(
    db: None, case: tuple[World, Changes]
) -> None:
    world, changes = case
    with stored(world, later=changes.late, unfinished=changes.changed) as finish:
        roll_up(until=changes.rolled_up_at[0])
        rows = finish()
        delete([rows[talk] for talk in changes.erased])
        left = world.without(changes.erased)
        Project.objects.filter(pk=PROJECTS[0]).update(timezone=changes.zone)
        left = replace(left, zones=[changes.zone, *world.zones[1:]])
        if changes.is_zone_first:
            assert found_in(left) == computed_of(left)

        roll_up(until=changes.rolled_up_at[1])
        assert found_in(left) == computed_of(left)
        assert differing_days(left.period) == []

        expired = [rows[talk] for talk in changes.expired if talk in left.talks]
        rollups.keep(conversations=[row.pk for row in expired])
        delete(expired)
        assert found_in(left) == computed_of(left)
        roll_up(until=changes.rolled_up_at[1])
        assert found_in(left) == computed_of(left)


def found_in(world: World) -> list[dict[str, Any]]:
    """Return the service's figures of each scope."""
    return [
        as_found(figures(scope=scope, period=world.period, times_by_day=True)) for scope in SCOPES
    ]


def computed_of(world: World) -> list[dict[str, Any]]:
    """Compute the figures of each scope."""
    return [computed(world, scope, world.period) for scope in SCOPES]


def delete(rows: Sequence[Conversation]) -> None:
    """Delete conversations with their answers and earlier closings."""
    Conversation.objects.filter(pk__in=[row.pk for row in rows]).delete()


def computed(world: World, scope: Scope, period: Period) -> dict[str, Any]:
    """Compute the figures, one row at a time."""
    zones = dict(zip(PROJECTS, map(ZoneInfo, world.zones), strict=True))

    def chosen(one: Talk | Answer, at: datetime) -> bool:
        return (
            scope.project in (None, one.project)
            and scope.channel in (None, one.channel)
            and period.first <= at.astimezone(zones[one.project]).date() <= period.last
        )

    opened = [one for one in world.talks if chosen(one, one.opened_at)]
    closed = [
        (one, closing)
        for one in world.talks
        for closing in closings_of(one)
        if chosen(one, closing.at)
    ]
    answers = [one for one in world.answers if chosen(one, one.at) and one.counts]
    csat = [one.score for one in answers if one.kind == "weni_csat"]
    nps = [one.score for one in answers if one.kind == "weni_nps"]
    wrote = [closing for _, closing in closed if closing.wrote]
    answered = sum(closing.answered for closing in wrote)
    archived = [closing for closing in wrote if closing.archived]
    responses = [
        (one.opened_at.astimezone(zones[one.project]).date(), one.responds.total_seconds())
        for one in opened
        if one.wrote and one.responds is not None and one.responds >= timedelta(0)
    ]
    resolutions = [
        (
            closing.at.astimezone(zones[one.project]).date(),
            (closing.at - one.opened_at).total_seconds(),
        )
        for one, closing in closed
        if closing.wrote and closing.at >= one.opened_at
    ]
    local_opened = [one.opened_at.astimezone(zones[one.project]) for one in opened]
    local_answered = [
        (one.at.astimezone(zones[one.project]).date(), one.kind, one.score)
        for one in answers
        if one.kind != "order_status"
    ]
    local_closed = [
        (closing.at.astimezone(zones[one.project]).date(), closing.resolution)
        for one, closing in closed
    ]
    return {
        "csat": (len(csat), share(sum(one >= 4 for one in csat), csat), or_none(mean, csat)),
        "nps": (
            len(nps),
            share(sum((one > 8) - (one < 7) for one in nps), nps),
            or_none(mean, nps),
        ),
        "answers by day": sorted(local_answered),
        "opened by day": sorted(at.date() for at in local_opened),
        "opened by hour": sorted(at.hour for at in local_opened),
        "closed by day": sorted(local_closed),
        "outreach": len(closed) - len(wrote),
        "survey response": (answered, share(answered, wrote) if answered else None),
        "archived": sum(closing.archived for _, closing in closed),
        "messages": sum(closing.messages for _, closing in closed),
        "median messages": or_none(median, [one.messages for one in archived if one.messages]),
        "median seconds": or_none(
            median,
            [
                one.lasts.total_seconds()
                for one in archived
                if one.messages and one.lasts >= timedelta(0)
            ],
        ),
        "times": [computed_times(times) for times in (responses, resolutions)],
        "times by day": {
            day: [
                computed_times([one for one in times if one[0] == day])
                for times in (responses, resolutions)
            ]
            for day in period.days
        },
    }


def computed_times(times: Sequence[tuple[date, float]]) -> Any:
    """Return the number, the median and the 90th percentile of seconds on days."""
    seconds = [time for _, time in times]
    if not seconds:
        return 0, None, None
    if len(seconds) == 1:
        return 1, *seconds * 2
    *_, p90 = quantiles(seconds, n=10, method="inclusive")
    return len(seconds), median(seconds), p90


def closings_of(talk: Talk) -> list[Closing]:
    """Return the closings of a conversation, the last one as it is known now."""
    if talk.ended_at is None:
        return talk.reopened
    last = Closing(
        at=talk.ended_at,
        resolution=talk.resolution,
        messages=talk.messages,
        lasts=min(talk.lasts, talk.ended_at - talk.opened_at),
        archived=talk.archived,
        wrote=talk.wrote,
        answered=any(answer.kind.startswith("weni_") for answer in talk.answers),
    )
    return [*talk.reopened, last]


def as_found(found: Figures) -> dict[str, Any]:
    """Return the service's figures in the form that `computed` returns, with counts as lists."""
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
        "nps": (nps.answers, near(nps.score), near(nps.mean)),
        "answers by day": sorted(answers),
        "opened by day": sorted(repeated(found.openings.by_day.items())),
        "opened by hour": sorted(repeated(found.openings.by_hour.items())),
        "closed by day": sorted(closed),
        "outreach": found.closings.outreach,
        "survey response": (
            found.closings.answered,
            near(found.closings.survey_response_percent),
        ),
        "archived": found.closings.archived,
        "messages": found.closings.messages,
        "median messages": near(found.lengths.median_messages),
        "median seconds": None if duration is None else near(duration.total_seconds()),
        "times": found_times(found.times),
        "times by day": {day: found_times(one) for day, one in found.times_by_day.items()},
    }


def found_times(times: TimeFigures) -> list[Any]:
    """Return times in the form of `computed_times`. They are exact to 1% or half a second."""
    return [
        (
            one.number,
            *(
                None if time is None else pytest.approx(time.total_seconds(), rel=0.01, abs=0.5)
                for time in (one.median, one.p90)
            ),
        )
        for one in (times.first_response, times.to_resolution)
    ]


def share(part: int, whole: Sequence[Any]) -> float | None:
    """Return a part's share of the whole in percent, or None if the whole is 0."""
    return part / len(whole) * 100 if whole else None


def or_none(function: Any, values: Sequence[Any]) -> Any:
    """Return the function's value, or None if there are no values."""
    return function(values) if values else None


def near(value: float | None) -> Any:
    """Return a value that equals numbers that differ only in the last digits."""
    return None if value is None else pytest.approx(value, abs=1e-6)


def repeated(numbers: Iterable[tuple[Any, int]]) -> Iterator[Any]:
    """Yield each key as often as its count says."""
    for thing, number in numbers:
        yield from [thing] * number


@contextmanager
def stored(
    world: World, *, later: Collection[Talk] = (), unfinished: Collection[Talk] = ()
) -> Iterator[Callable[[], Mapping[Talk, Conversation]]]:
    """Store the case in the database until the block ends.

    What comes `later` is stored by the function that is yielded. It also stores the present values
    of conversations that are `unfinished` until then, and of the answers without a conversation. It
    returns the rows.
    """
    with transaction.atomic():
        Project.objects.bulk_create(
            Project(uuid=uuid, timezone=zone)
            for uuid, zone in zip(PROJECTS, world.zones, strict=True)
        )
        rows = {talk: as_row(number, talk) for number, talk in enumerate(world.talks)}
        answers = {answer: as_answer(answer, rows) for answer in world.answers}

        def store(talks: Collection[Talk]) -> None:
            Conversation.objects.bulk_create(rows[talk] for talk in talks)
            EarlierClosing.objects.bulk_create(
                as_earlier(closing, rows[talk]) for talk in talks for closing in talk.reopened
            )
            of_talks = [row for answer, row in answers.items() if answer.talk in talks]
            SurveyAnswer.objects.bulk_create(of_talks)

        def finish() -> Mapping[Talk, Conversation]:
            store([talk for talk in world.talks if talk in later])
            for talk in unfinished:
                rows[talk].save()
            for answer in homeless:
                answers[answer].save()
            return rows

        store([talk for talk in world.talks if talk not in later])
        homeless = [answer for answer in world.answers if answer.talk is None]
        SurveyAnswer.objects.bulk_create(answers[answer] for answer in homeless)
        if later or unfinished:
            Conversation.objects.filter(pk__in=[rows[talk].pk for talk in unfinished]).update(
                ended_at=None, resolution=Resolution.IN_PROGRESS, csat=None, written_at=None
            )
            SurveyAnswer.objects.filter(conversation=None).update(is_replaced=True)
        yield finish
        transaction.set_rollback(True)


def as_answer(answer: Answer, rows: Mapping[Talk, Conversation]) -> SurveyAnswer:
    """Return an answer as the service would have written it."""
    return SurveyAnswer(
        project_id=answer.project,
        channel_uuid=answer.channel,
        contact_urn="telegram:1",
        message_id=str(answer.number),
        identity=str(answer.number),
        conversation=rows[answer.talk] if answer.talk else None,
        key=answer.kind,
        value=str(answer.score),
        score=answer.score if answer.kind != "order_status" else None,
        answered_at=answer.at,
        is_replaced=not answer.counts,
        sequence_number=answer.number,
    )


def as_earlier(closing: Closing, row: Conversation) -> EarlierClosing:
    """Return a closing as the service writes it when it reopens the conversation."""
    return EarlierClosing(
        conversation=row,
        project_id=row.project_id,
        channel_uuid=row.channel_uuid,
        ended_at=closing.at,
        resolution=closing.resolution,
        written_at=closing.at if closing.wrote else None,
        csat=5 if closing.answered else None,
        archived_at=closing.at if closing.archived else None,
        first_message_at=closing.at - closing.lasts if closing.messages else None,
        last_message_at=closing.at + timedelta(days=3) if closing.messages else None,
        message_count=closing.messages,
        messages_before_reopening=0,
    )


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
        written_at=talk.opened_at if talk.wrote else None,
        first_sent_at=None if talk.responds is None else talk.opened_at + talk.responds,
        csat=scores.get("weni_csat"),
        nps=scores.get("weni_nps"),
        message_count=talk.messages,
        first_message_at=talk.opened_at if talk.messages else None,
        last_message_at=talk.opened_at + talk.lasts if talk.messages else None,
        archived_at=talk.ended_at if is_closed and talk.archived else None,
    )
