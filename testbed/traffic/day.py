"""A readable day of traffic, the same for the same seed, number of events and date."""

import random
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import cycle, islice
from zoneinfo import ZoneInfo

from testbed.traffic.bodies import INVALID_KINDS
from testbed.traffic.contacts import ContactHistory
from testbed.traffic.conversation_plan import AFTERMATH, ConversationPlan, Step, steps_of
from testbed.traffic.events import Contact, PlannedEvent, sortable
from testbed.traffic.planning import plan_event
from testbed.traffic.projects import Project, make_project, make_uuid
from testbed.traffic.texts import NAMES, sentence

# The minimum for an event of every kind.
MIN_EVENTS = 100
EVENTS_PER_CONVERSATION = 10

# Zones without daylight saving time, because a closing time in a repeated hour means the first.
_PROJECTS = (
    ("Paulista Bakery", "America/Sao_Paulo"),
    ("Pinheiros Bank", "America/Sao_Paulo"),
    ("Azteca Airlines", "America/Mexico_City"),
    ("Luanda Hotels", "Africa/Luanda"),
    ("Kolkata Books", "Asia/Kolkata"),
)
_LEFT_OPEN = 0.15
_PAUSE_BEFORE_THE_NEXT = AFTERMATH + timedelta(minutes=20)
_ANSWERED = {"weni_csat": 0.4, "weni_nps": 0.2, "order_status": 0.1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The events in the order of sending, and their projects."""

    projects: list[Project]
    events: list[PlannedEvent]


def generate_day(*, events: int, seed: int, day: date) -> Day:
    """Return exactly `events` events of `events // 10` conversations.

    Events close most of the conversations; some of each project are left open. Some contacts have
    two conversations. Raises ValueError for fewer than MIN_EVENTS events.
    """
    if events < MIN_EVENTS:
        raise ValueError(f"A day has at least {MIN_EVENTS} events.")
    # Repeatable, not for secrets.
    rng = random.Random(seed)  # noqa: S311
    projects = [make_project(name=name, timezone=zone, rng=rng) for name, zone in _PROJECTS]
    plans = _plans(events // EVENTS_PER_CONVERSATION, projects=projects, day=day, rng=rng)
    _leave_open(plans, rng=rng)
    _distribute(events, plans=plans, rng=rng)
    steps: list[tuple[Step, Contact]] = []
    ends: dict[Contact, datetime] = {}
    for plan in plans:
        if previous := ends.get(plan.contact):
            plan.starts_at = previous + _PAUSE_BEFORE_THE_NEXT
        of_plan = steps_of(plan, rng=rng)
        ends[plan.contact] = of_plan[-1].at
        steps += [(step, plan.contact) for step in of_plan]
    steps.sort(key=lambda each: each[0].at)
    return Day(projects=projects, events=_write(steps, rng=rng))


def _plans(
    count: int, *, projects: list[Project], day: date, rng: random.Random
) -> list[ConversationPlan]:
    """Return minimal plans. The last plans are second conversations of the first contacts."""
    write_again = max(1, count // 40)
    plans = []
    for number in range(count - write_again):
        project = projects[number % len(projects)]
        # Most chats begin in office hours.
        opening = datetime.combine(day, time(), tzinfo=ZoneInfo(project.timezone))
        contact = Contact(
            project=project.uuid,
            channel=project.channel,
            urn=f"whatsapp:{5_500_000_000_000 + number}",
            name=rng.choice(NAMES),
        )
        plans.append(
            ConversationPlan(
                contact=contact,
                timezone=project.timezone,
                starts_at=opening + timedelta(hours=rng.triangular(7, 21, 13)),
            )
        )
    return plans + [
        ConversationPlan(contact=plan.contact, timezone=plan.timezone, starts_at=plan.starts_at)
        for plan in plans[:write_again]
    ]


def _leave_open(plans: list[ConversationPlan], *, rng: random.Random) -> None:
    """Leave a share of each project's conversations open, only last ones of a contact."""
    latest = {plan.contact: plan for plan in plans}
    by_project = defaultdict(list)
    for plan in latest.values():
        by_project[plan.contact.project].append(plan)
    for of_project in by_project.values():
        for plan in rng.sample(of_project, max(1, round(len(of_project) * _LEFT_OPEN))):
            plan.left_open = True


def _distribute(events: int, *, plans: list[ConversationPlan], rng: random.Random) -> None:
    """Distribute events over the conversations. The rest of the number are messages."""
    for kind in islice(cycle(INVALID_KINDS), max(len(INVALID_KINDS), events // 100)):
        rng.choice(plans).invalid.append(kind)
    for key, share in _ANSWERED.items():
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
    talkativeness = [rng.paretovariate(1.5) for _ in plans]
    for plan in rng.choices(plans, weights=talkativeness, k=events - sum(map(len, plans))):
        plan.messages += 1


def _write(steps: list[tuple[Step, Contact]], *, rng: random.Random) -> list[PlannedEvent]:
    """Return the events of steps, which are in queue order."""
    start = steps[0][0].at
    histories: dict[Contact, ContactHistory] = {}
    events = []
    for number, (step, contact) in enumerate(steps, start=1):
        history = histories.setdefault(contact, ContactHistory(contact))
        created_at = sortable(step.created_at)
        draft = history.send(
            step.kind,
            token=make_uuid(rng),
            at=step.created_at,
            rng=rng,
            text=sentence(rng),
            original=next(
                (each for each in history.messages if each.effect.created_at == created_at), None
            ),
            detail=step.detail,
        )
        events.append(
            plan_event(
                draft,
                number=number,
                at=(step.at - start).total_seconds(),
                contact=contact,
                # New for each event, so that SQS does not drop repeats.
                deduplication_id=f"day-{make_uuid(rng)}",
            )
        )
    return events
