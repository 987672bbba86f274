"""Archives are in the order of their messages' times, then of the queue."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from tests.chaos.defects import Defects, Kind
from tests.chaos.found import FoundConversation, Version


def check_transcripts(*, rows: Iterable[FoundConversation], defects: Defects) -> None:
    """Every entry that stands before an older one is a defect, and every such edit."""
    for row in rows:
        firsts = [message.versions[0] for message in row.archive]
        _check(firsts, where=row.uuid, defects=defects)
        for message in row.archive:
            _check(message.versions, where=f"{message.message_id} in {row.uuid}", defects=defects)


def _check(versions: Sequence[Version], *, where: str, defects: Defects) -> None:
    for before, after in pairwise(versions):
        if (before.created_at, before.sequence) > (after.created_at, after.sequence):
            defects.add(
                Kind.OUT_OF_ORDER, f"{before.created_at} before {after.created_at}: {where}"
            )
