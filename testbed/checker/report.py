"""The defects that the checker reports."""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """The kind of a defect.

    LOST: an event had no effect, or is not complete. DUPLICATED: it took effect more than once, or
    something is stored that was never sent. OUT_OF_ORDER: it took effect before an earlier event of
    its group or with a wrong time, or it is before an older message in a transcript. MISATTRIBUTED:
    it took effect on the wrong conversation. STUCK: something still waits. WRONGLY_QUARANTINED: a
    valid event, or a message of the service itself, is a dead letter. LOGGED: logs contain what a
    person wrote, a name or an address.
    """

    LOST = "lost"
    DUPLICATED = "duplicated"
    OUT_OF_ORDER = "out_of_order"
    MISATTRIBUTED = "misattributed"
    STUCK = "stuck"
    WRONGLY_QUARANTINED = "wrongly_quarantined"
    LOGGED = "personal_data_in_logs"


class Defect(NamedTuple):
    """A difference, in words without personal data."""

    kind: Kind
    what: str


def count_kinds(defects: Sequence[Defect]) -> dict[str, int]:
    """Return the number of defects of every kind, 0 included."""
    counted = Counter(defect.kind for defect in defects)
    return {kind.value: counted[kind] for kind in Kind}
