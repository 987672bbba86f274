"""What the check says."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What is wrong: an effect is missing or not whole, is there too often, or is misplaced.

    Or the logs of the service hold what they must not.
    """

    LOST = "lost"
    DUPLICATED = "duplicated"
    OUT_OF_ORDER = "out of order"
    LOGGED = "personal data in logs"


@dataclass(frozen=True, slots=True)
class Problem:
    """One difference, told without what people wrote."""

    kind: Kind
    what: str
