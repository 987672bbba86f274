"""The traffic of the demo and of `make up`: readable chats of five projects."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from itertools import chain, cycle, islice

from testbed.traffic.events import Contact, PlannedEvent, Trait
from testbed.traffic.generator import Generator, Mix
from testbed.traffic.kinds import EventKind
from testbed.traffic.projects import Project, make_project
from testbed.traffic.texts import NAMES, sentence

# The minimum for several events of every contact.
MIN_EVENTS = 100
_EVENTS_PER_CONTACT = 15
_SPECIAL = (Trait.REDRIVEN, Trait.REDRIVEN, Trait.REOPENED)
_TRAITS = (Trait.WEB, Trait.PLAIN, Trait.PLAIN)
# Most chats are in office hours.
_OPENS_AT = time(hour=8, tzinfo=UTC)
_OPEN_SECONDS = 12 * 3_600
# Zones without daylight saving time, because a closing time in a repeated hour means the first.
_PROJECTS = (
    ("Paulista Bakery", "America/Sao_Paulo"),
    ("Pinheiros Bank", "America/Sao_Paulo"),
    ("Azteca Airlines", "America/Mexico_City"),
    ("Luanda Hotels", "Africa/Luanda"),
    ("Kolkata Books", "Asia/Kolkata"),
)
_MIX = Mix(
    kinds={
        EventKind.RECEIVED: 40,
        EventKind.SENT: 40,
        EventKind.EDIT: 2,
        EventKind.LATE_EDIT: 3,
        EventKind.REPEAT: 2,
        EventKind.RESEND: 1,
        EventKind.ANSWER: 5,
        EventKind.FORM: 4,
        EventKind.WINDOW: 1,
        EventKind.CLOSE: 6,
        EventKind.TAKEOVER: 2,
    },
    events_per_invalid=50,
    text=sentence,
    untidy_share=0.1,
    unlucky_share=0.05,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The events in the order of sending, and their projects.

    The `earlier` ones are sent before the service starts, and the last ones when an operator has
    reopened the conversations of their contacts.
    """

    projects: list[Project]
    earlier: list[PlannedEvent]
    events: list[PlannedEvent]
    after_reopening: list[PlannedEvent]

    @property
    def all_events(self) -> list[PlannedEvent]:
        """All events in the order of sending."""
        return [*self.earlier, *self.events, *self.after_reopening]


def generate_day(*, events: int, seed: int, day: date) -> Day:
    """Return the events of a day and their projects.

    Raises ValueError for fewer than MIN_EVENTS events.
    """
    if events < MIN_EVENTS:
        raise ValueError(f"A day has at least {MIN_EVENTS} events.")
    projects, stream = chats(
        seed=seed,
        start=datetime.combine(day, _OPENS_AT),
        rate=events / _OPEN_SECONDS,
        contacts=events // _EVENTS_PER_CONTACT,
        special=_SPECIAL,
    )
    scripted = len(stream.earlier) + len(stream.after_reopening)
    return Day(
        projects=projects,
        earlier=stream.earlier,
        events=list(islice(stream, events - scripted)),
        after_reopening=stream.after_reopening,
    )


def chats(
    *, seed: int, start: datetime, rate: float, contacts: int, special: Sequence[Trait] = ()
) -> tuple[list[Project], Generator]:
    """Return projects and an endless stream of events of their contacts, `rate` per second.

    The first contacts have the `special` traits. Every third of the others writes in a web chat.
    """
    rng = random.Random(f"projects {seed}")  # noqa: S311 (repeatable, not secret)
    projects = [make_project(name=name, timezone=zone, rng=rng) for name, zone in _PROJECTS]
    writers = [
        Contact(
            project=project.uuid,
            channel=project.channel,
            urn=f"whatsapp:{5_500_000_000_000 + number}",
            name=rng.choice(NAMES),
            trait=trait,
        )
        for number, project, trait in zip(
            range(contacts), cycle(projects), chain(special, cycle(_TRAITS)), strict=False
        )
    ]
    zones = {project.uuid: project.timezone for project in projects}
    return projects, Generator(
        seed=seed, start=start, rate=rate, contacts=writers, zones=zones, mix=_MIX
    )
