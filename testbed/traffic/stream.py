"""The traffic of chaos runs: contacts with difficult traits, and texts that stores may refuse."""

import random
from dataclasses import dataclass, replace
from datetime import datetime

from testbed.traffic import bodies
from testbed.traffic.events import Contact, Trait
from testbed.traffic.generator import PLAIN_TEXT, Generator, Mix
from testbed.traffic.kinds import EventKind
from testbed.traffic.projects import Project, make_project
from testbed.traffic.texts import NAMES

LARGE_SHARE = 0.0002
HOSTILE_SHARE = 0.02
NEW_SHARE = 0.03
_PROJECTS = 4
_CONTACTS_PER_PROJECT = 40
_SPLIT_CONTACTS = 4
_TIMED_CONTACTS = 20
_WEB_CONTACTS = 10


def _text(rng: random.Random) -> str:
    luck = rng.random()
    if luck < LARGE_SHARE:
        return bodies.LARGE_TEXT
    if luck < LARGE_SHARE + HOSTILE_SHARE:
        return rng.choice(bodies.HOSTILE_TEXTS)
    return PLAIN_TEXT


_MIX = Mix(
    kinds={
        EventKind.RECEIVED: 35,
        EventKind.SENT: 35,
        EventKind.EDIT: 5,
        EventKind.LATE_EDIT: 1,
        EventKind.RESEND: 4,
        EventKind.REPEAT: 2,
        EventKind.ANSWER: 6,
        EventKind.FORM: 3,
        EventKind.WINDOW: 3,
        EventKind.CLOSE: 4,
        EventKind.TAKEOVER: 2,
    },
    events_per_invalid=100,
    text=_text,
    unlucky_share=0.05,
    stray_takeovers=True,
)


@dataclass(frozen=True, slots=True)
class Population:
    """The projects and contacts of a stream.

    The closing time of `timed_project` is within the run, those of `projects` are later. The stream
    adds new contacts of `projects`.
    """

    projects: list[Project]
    timed_project: Project
    contacts: list[Contact]


class Stream(Generator):
    """The endless stream of a seed.

    The numbers of `redriven` and `reopened` contacts are for runs with an operator.
    """

    def __init__(
        self,
        *,
        seed: int,
        start: datetime,
        rate: float,
        redriven: int = 0,
        reopened: int = 0,
    ) -> None:
        self.population = make_population(seed=seed, redriven=redriven, reopened=reopened)
        projects = [*self.population.projects, self.population.timed_project]
        super().__init__(
            seed=seed,
            start=start,
            rate=rate,
            contacts=self.population.contacts,
            zones={project.uuid: project.timezone for project in projects},
            mix=_MIX,
        )

    def _contact(self) -> Contact:
        if self._rng.random() >= NEW_SHARE:
            return super()._contact()
        (new,) = _special(1, project=self._rng.choice(self.population.projects), trait=Trait.NEW)
        return replace(new, urn=f"{new.urn}{self._number}")


def make_population(*, seed: int, redriven: int = 0, reopened: int = 0) -> Population:
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
    contacts += _special(1, project=projects[1], trait=Trait.HOT)
    contacts += _special(_WEB_CONTACTS, project=projects[2], trait=Trait.WEB)
    contacts += _special(redriven, project=projects[3], trait=Trait.REDRIVEN)
    contacts += _special(reopened, project=projects[3], trait=Trait.REOPENED)
    return Population(projects, timed, contacts)


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
