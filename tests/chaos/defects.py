"""What the checker counts."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """Of an event of which the service did not keep its promise.

    LOST took no effect. DUPLICATED took effect more than once. OUT_OF_ORDER took effect before an
    earlier one of its group, or stands in a transcript before one that is older. MISATTRIBUTED
    took effect on another conversation than the closes before it say. STUCK still waits.
    """

    LOST = "lost"
    DUPLICATED = "duplicated"
    OUT_OF_ORDER = "out_of_order"
    MISATTRIBUTED = "misattributed"
    STUCK = "stuck"


@dataclass(slots=True)
class Defects:
    """All that was found, each with a sentence that says where to look."""

    found: list[tuple[Kind, str]] = field(default_factory=list)

    def add(self, kind: Kind, where: str) -> None:
        self.found.append((kind, where))

    def add_all(self, kind: Kind, where: Iterable[str]) -> None:
        self.found += [(kind, one) for one in where]

    def counts(self) -> dict[str, int]:
        """How many of each kind; every kind is there."""
        counted = Counter(kind for kind, _ in self.found)
        return {kind.value: counted[kind] for kind in Kind}
