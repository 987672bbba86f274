"""The projects and contacts of a run, the same for the same seed."""

import random
from dataclasses import dataclass
from uuid import UUID

from tests.chaos.plan import Contact, Trait

PROJECTS = 4
CONTACTS_EACH = 40
SPLIT_CONTACTS = 4
TIMED_CONTACTS = 20


@dataclass(frozen=True, slots=True)
class Cast:
    """Who takes part. `timed_project` is the one whose closing time falls into the run."""

    contacts: list[Contact]
    hot: Contact
    timed_project: str

    @property
    def projects(self) -> list[str]:
        """Those whose closing time is far away."""
        every = {contact.project: None for contact in self.contacts}
        return [project for project in every if project != self.timed_project]

    @classmethod
    def of(cls, *, seed: int) -> "Cast":
        """The cast of a seed."""
        chance = random.Random(f"cast {seed}")  # noqa: S311 (repeatable, not secret)
        projects = [_uuid(chance) for _ in range(PROJECTS)]
        channels = {project: _uuid(chance) for project in projects}
        timed = _uuid(chance)
        contacts = [
            Contact(project=project, channel=channels[project], urn=f"telegram:{index}{number:03d}")
            for index, project in enumerate(projects)
            for number in range(CONTACTS_EACH)
        ]
        contacts += _more(
            SPLIT_CONTACTS, project=projects[0], channel=channels[projects[0]], trait=Trait.SPLIT
        )
        contacts += _more(TIMED_CONTACTS, project=timed, channel=_uuid(chance), trait=Trait.TIMED)
        (hot,) = _more(1, project=projects[1], channel=channels[projects[1]], trait=Trait.HOT)
        return cls([*contacts, hot], hot, timed)


def _more(count: int, *, project: str, channel: str, trait: Trait) -> list[Contact]:
    return [
        Contact(project=project, channel=channel, urn=f"whatsapp:{trait}{number}", trait=trait)
        for number in range(count)
    ]


def _uuid(chance: random.Random) -> str:
    return str(UUID(int=chance.getrandbits(128), version=4))
