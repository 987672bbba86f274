"""A generated day of traffic: the same for the same seed, number of events and day."""

import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import cycle, islice
from uuid import UUID
from zoneinfo import ZoneInfo

from demo.bodies import INVALID_KINDS
from demo.events import ConversationName, PlannedEvent
from demo.story import AFTERMATH, StoryPlan, tell
from demo.words import NAMES

# Fewer have no room for an event of every kind.
LEAST_EVENTS = 100
EVENTS_OF_A_CONVERSATION = 10

# Zones without daylight saving: in the hour that its end repeats, no closing time means the second.
_PROJECTS = (
    ("Paulista Bakery", "America/Sao_Paulo"),
    ("Pinheiros Bank", "America/Sao_Paulo"),
    ("Azteca Airlines", "America/Mexico_City"),
    ("Luanda Hotels", "Africa/Luanda"),
    ("Kolkata Books", "Asia/Kolkata"),
)
_LEFT_OPEN = 0.15
_PAUSE_BEFORE_THE_NEXT = AFTERMATH + timedelta(minutes=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoProject:
    """A project of the day, with its one channel."""

    uuid: str
    channel_uuid: str
    name: str
    timezone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The events in the order in which they are sent, and the projects that they belong to."""

    projects: list[DemoProject]
    events: list[PlannedEvent]


def generate_day(*, events: int, seed: int, day: date) -> Day:
    """Exactly `events` events of `events // 10` conversations.

    An event closes most of them; the others, some of each project, are left open. Some
    contacts have two conversations. Raises ValueError for fewer than LEAST_EVENTS events.
    """
    if events < LEAST_EVENTS:
        raise ValueError(f"A day has at least {LEAST_EVENTS} events.")
    # Not for secrets: the day must be the same again.
    rng = random.Random(seed)  # noqa: S311
    projects = _projects(rng)
    plans = _plans(events // EVENTS_OF_A_CONVERSATION, projects=projects, day=day, rng=rng)
    _leave_open(plans, rng=rng)
    _share_out(events, plans=plans, rng=rng)
    timed = []
    ends: dict[tuple[str, int], datetime] = {}
    for plan in plans:
        previous = ends.get((plan.name.contact_urn, plan.name.number - 1))
        if previous:
            plan.starts_at = previous + _PAUSE_BEFORE_THE_NEXT
        story = tell(plan, rng=rng)
        ends[plan.name.contact_urn, plan.name.number] = story[-1].at
        timed += story
    timed.sort(key=lambda each: each.at)
    return Day(projects=projects, events=[each.event for each in timed])


def _projects(rng: random.Random) -> list[DemoProject]:
    return [
        DemoProject(
            uuid=_uuid(rng),
            channel_uuid=_uuid(rng),
            name=name,
            timezone=timezone,
        )
        for name, timezone in _PROJECTS
    ]


def _plans(
    count: int, *, projects: list[DemoProject], day: date, rng: random.Random
) -> list[StoryPlan]:
    """Empty plans. The last ones are second conversations of the first contacts."""
    write_again = max(1, count // 40)
    plans = []
    for number in range(count - write_again):
        project = projects[number % len(projects)]
        # Most chats begin in office hours.
        opening = datetime.combine(day, time(), tzinfo=ZoneInfo(project.timezone))
        plan = StoryPlan(
            name=ConversationName(
                project_uuid=project.uuid,
                channel_uuid=project.channel_uuid,
                contact_urn=f"whatsapp:{5_500_000_000_000 + number}",
            ),
            contact_name=rng.choice(NAMES),
            timezone=project.timezone,
            starts_at=opening + timedelta(hours=rng.triangular(7, 21, 13)),
        )
        plans.append(plan)
    return plans + [_next_of(plan) for plan in plans[:write_again]]


def _next_of(plan: StoryPlan) -> StoryPlan:
    name = ConversationName(
        project_uuid=plan.name.project_uuid,
        channel_uuid=plan.name.channel_uuid,
        contact_urn=plan.name.contact_urn,
        number=plan.name.number + 1,
    )
    return StoryPlan(
        name=name,
        contact_name=plan.contact_name,
        timezone=plan.timezone,
        starts_at=plan.starts_at,
    )


def _leave_open(plans: list[StoryPlan], *, rng: random.Random) -> None:
    """A part of each project's conversations, each of them its contact's last."""
    latest = {plan.name.contact_urn: plan for plan in plans}
    by_project = defaultdict(list)
    for plan in latest.values():
        by_project[plan.name.project_uuid].append(plan)
    for of_project in by_project.values():
        for plan in rng.sample(of_project, max(1, round(len(of_project) * _LEFT_OPEN))):
            plan.left_open = True


def _share_out(events: int, *, plans: list[StoryPlan], rng: random.Random) -> None:
    """Decide what happens in which conversation; what is left of the number are messages."""
    for kind in islice(cycle(INVALID_KINDS), max(len(INVALID_KINDS), events // 100)):
        rng.choice(plans).invalid.append(kind)
    for key, share in (("weni_csat", 0.4), ("weni_nps", 0.2), ("order_status", 0.1)):
        for plan in rng.sample(plans, round(len(plans) * share)):
            plan.answers.append(key)
    shuffled = rng.sample(plans, len(plans))
    edited = max(1, events // 150)
    for plan in shuffled[:edited]:
        plan.edits = 1
    for plan in islice(cycle(shuffled[edited:]), max(2, events // 50)):
        plan.repeats += 1
    for plan in rng.sample(plans, max(1, events // 150)):
        plan.late = 1
    left = events - sum(_size(plan) for plan in plans)
    for plan in rng.choices(plans, weights=_talkativeness(plans, rng), k=left):
        plan.messages += 1


def _size(plan: StoryPlan) -> int:
    closes = 0 if plan.left_open else 1
    answers, invalid = len(plan.answers), len(plan.invalid)
    return plan.messages + answers + invalid + plan.edits + plan.late + plan.repeats + closes


def _talkativeness(plans: Iterable[StoryPlan], rng: random.Random) -> list[float]:
    return [rng.paretovariate(1.5) for _ in plans]


def _uuid(rng: random.Random) -> str:
    return str(UUID(int=rng.getrandbits(128), version=4))
