"""What the check says."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What is wrong: an effect is missing or not whole, is there too often, or is misplaced."""

    LOST = "lost"
    DUPLICATED = "duplicated"
    OUT_OF_ORDER = "out of order"


@dataclass(frozen=True, slots=True)
class Problem:
    """One difference, told without what people wrote."""

    kind: Kind
    what: str
