"""What the checker reports."""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """Of an event of which the service did not keep its promise.

    LOST took no effect, or is not whole. DUPLICATED took effect more than once. OUT_OF_ORDER took
    effect before an earlier one of its group, at another time than its own, or stands in a
    transcript before one that is older. MISATTRIBUTED took effect on another conversation than the
    closes before it say. STUCK still waits. LOGGED is in the logs with what a person wrote, a name
    or an address.
    """

    LOST = "lost"
    DUPLICATED = "duplicated"
    OUT_OF_ORDER = "out_of_order"
    MISATTRIBUTED = "misattributed"
    STUCK = "stuck"
    LOGGED = "personal_data_in_logs"


class Defect(NamedTuple):
    """One difference, in a sentence without what people wrote."""

    kind: Kind
    what: str


def count_kinds(defects: Sequence[Defect]) -> dict[str, int]:
    """Return how many defects there are of each kind; every kind is there."""
    counted = Counter(defect.kind for defect in defects)
    return {kind.value: counted[kind] for kind in Kind}
