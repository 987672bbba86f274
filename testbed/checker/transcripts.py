"""Checks that archives have one entry for each message, in order of time, then of the queue."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from testbed.checker.report import Defect, Kind
from testbed.checker.stores import FoundConversation, FoundVersion


def check_transcript(row: FoundConversation) -> Iterator[Defect]:
    """Yield every entry and edit before an older one, and every second entry of a message."""
    yield from _check_order([message.versions[0] for message in row.archive], where=row.uuid)
    entries: dict[str, list[FoundVersion]] = {}
    for message in row.archive:
        where = f"{message.message_id} in {row.uuid}"
        yield from _check_order(message.versions, where=where)
        others = entries.setdefault(message.message_id, message.versions)
        # A version in both entries is a defect of the messages.
        documents = [version.document for version in others]
        if others is not message.versions and not any(
            version.document in documents for version in message.versions
        ):
            yield Defect(Kind.DUPLICATED, f"a second entry of {where}")


def _check_order(versions: Sequence[FoundVersion], *, where: str) -> Iterator[Defect]:
    for before, after in pairwise(versions):
        if (before.created_at, before.sequence_number) > (after.created_at, after.sequence_number):
            yield Defect(
                Kind.OUT_OF_ORDER, f"{before.created_at} before {after.created_at}: {where}"
            )
