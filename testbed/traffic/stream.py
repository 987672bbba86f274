"""An endless stream of events of many contacts, the same for the same seed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from testbed.traffic import bodies
from testbed.traffic.contacts import SCORES, ContactHistory, Draft, EventKind
from testbed.traffic.events import Contact, Message, PlannedEvent, Trait
from testbed.traffic.planning import plan_event
from testbed.traffic.projects import Project, make_project
from testbed.traffic.texts import NAMES

HOT_SHARE = 0.3
INVALID_SHARE = 0.01
LARGE_SHARE = 0.0002
HOSTILE_SHARE = 0.02
# The weights of the kinds of events.
_KINDS = {
    EventKind.RECEIVED: 37,
    EventKind.SENT: 37,
    EventKind.EDIT: 5,
    EventKind.RESEND: 5,
    EventKind.ANSWER: 7,
    EventKind.WINDOW: 3,
    EventKind.CLOSE: 4,
    EventKind.TAKEOVER: 2,
}
# Only the service knows which conversation these belong to, so none needs a certain one.
_KINDS_OF_TIMED = {
    EventKind.RECEIVED: 38,
    EventKind.SENT: 38,
    EventKind.EDIT: 6,
    EventKind.RESEND: 6,
    EventKind.WINDOW: 12,
}
# Edits and resends concern the last messages, also those of closed conversations.
_REMEMBERED = 30
_TEXT = "Is my order on its way?"
_CUSTOM_KEY = "custom_event"
_PROJECTS = 4
_CONTACTS_PER_PROJECT = 40
_SPLIT_CONTACTS = 4
_TIMED_CONTACTS = 20


@dataclass(frozen=True, slots=True)
class Population:
    """The projects and contacts of a stream.

    The closing time of `timed_project` is within the run, those of `projects` are later.
    """

    projects: list[Project]
    timed_project: Project
    contacts: list[Contact]
    hot: Contact


def make_population(*, seed: int) -> Population:
    """Return the projects and contacts of a seed."""
    rng = random.Random(f"population {seed}")  # noqa: S311 (repeatable, not secret)
    projects = [make_project(name=f"Project {number}", rng=rng) for number in range(_PROJECTS)]
    timed = make_project(name="Project that closes", rng=rng)
    contacts = [
        Contact(
            project=project.uuid,
            channel=project.channel,
            urn=f"telegram:{index}{number:03d}",
            name=rng.choice(NAMES),
        )
        for index, project in enumerate(projects)
        for number in range(_CONTACTS_PER_PROJECT)
    ]
    contacts += _special(_SPLIT_CONTACTS, project=projects[0], trait=Trait.SPLIT)
    contacts += _special(_TIMED_CONTACTS, project=timed, trait=Trait.TIMED)
    (hot,) = _special(1, project=projects[1], trait=Trait.HOT)
    return Population(projects, timed, [*contacts, hot], hot)


def _special(count: int, *, project: Project, trait: Trait) -> list[Contact]:
    return [
        Contact(
            project=project.uuid,
            channel=project.channel,
            urn=f"whatsapp:{trait}{number}",
            trait=trait,
        )
        for number in range(count)
    ]


class Stream:
    """An endless stream. `start` is the time of its beginning, `rate` its events per second."""

    def __init__(self, *, seed: int, start: datetime, rate: float) -> None:
        self.population = make_population(seed=seed)
        self._rng = random.Random(f"events {seed}")  # noqa: S311 (repeatable, not secret)
        self._start = start
        self._rate = rate
        self._number = 0
        self._histories = {each: ContactHistory(each) for each in self.population.contacts}

    def __iter__(self) -> Iterator[PlannedEvent]:
        while True:
            yield self._next()

    def _next(self) -> PlannedEvent:
        self._number += 1
        is_hot = self._rng.random() < HOT_SHARE
        contact = self.population.hot if is_hot else self._rng.choice(self.population.contacts)
        history = self._histories[contact]
        kind = self._kind(history)
        answered = (*SCORES, *SCORES, _CUSTOM_KEY)
        draft = history.send(
            kind,
            token=f"e-{self._number}",
            at=self._start + timedelta(seconds=self._at),
            rng=self._rng,
            text=_TEXT if kind is EventKind.INVALID else self._text(),
            original=self._rng.choice(history.messages) if history.messages else None,
            detail=self._rng.choice(
                bodies.INVALID_KINDS if kind is EventKind.INVALID else answered
            ),
        )
        del history.messages[:-_REMEMBERED]
        return plan_event(
            draft,
            number=self._number,
            at=self._at,
            contact=contact,
            group_id=self._group_of(contact, draft),
            deduplication_id=str(self._number),
        )

    @property
    def _at(self) -> float:
        return self._number / self._rate

    def _kind(self, history: ContactHistory) -> EventKind:
        """Return a kind that is possible for this contact now."""
        trait = history.contact.trait
        if self._rng.random() < INVALID_SHARE:
            return EventKind.INVALID
        kinds = _KINDS_OF_TIMED if trait is Trait.TIMED else _KINDS
        (kind,) = self._rng.choices(list(kinds), weights=list(kinds.values()))
        is_repeat = kind in (EventKind.EDIT, EventKind.RESEND)
        is_closing = kind in (EventKind.CLOSE, EventKind.TAKEOVER)
        cannot_repeat = not history.messages or trait is Trait.SPLIT
        if (is_repeat and cannot_repeat) or (is_closing and not history.is_open):
            return self._rng.choice((EventKind.RECEIVED, EventKind.SENT))
        return kind

    def _group_of(self, contact: Contact, draft: Draft) -> str:
        """Return the group id. A second producer sends some messages of split contacts."""
        is_message = isinstance(draft.effect, Message)
        if contact.trait is Trait.SPLIT and is_message and self._number % 2:
            return f"{contact.group_id}:second"
        return contact.group_id

    def _text(self) -> str:
        luck = self._rng.random()
        if luck < LARGE_SHARE:
            return bodies.LARGE_TEXT
        if luck < LARGE_SHARE + HOSTILE_SHARE:
            return self._rng.choice(bodies.HOSTILE_TEXTS)
        return _TEXT
