"""Checks that archives have one entry for each message, in order of time, then of the queue."""

from collections.abc import Iterator
from itertools import pairwise

from testbed.checker.report import Defect, Kind
from testbed.checker.stores import FoundConversation, FoundVersion
from testbed.traffic.effects import MessageId


def check_transcript(row: FoundConversation) -> Iterator[Defect]:
    """Yield each entry or edit that is before an older one, and repeated entries of a message."""
    for before, after in pairwise(message.versions[0] for message in row.archive):
        if (before.created_at, before.sequence_number) > (after.created_at, after.sequence_number):
            what = f"{before.created_at} before {after.created_at} in {row.uuid}"
            yield Defect(Kind.OUT_OF_ORDER, what)
    entries: dict[MessageId, list[FoundVersion]] = {}
    for message in row.archive:
        where = f"{message.id} in {row.uuid}"
        places = [version.sequence_number for version in message.versions]
        if places != sorted(places):
            yield Defect(Kind.OUT_OF_ORDER, f"the versions of {where}")
        others = entries.setdefault(message.id, message.versions)
        # A version in both entries is a defect of the messages.
        documents = [version.document for version in others]
        if others is not message.versions and not any(
            version.document in documents for version in message.versions
        ):
            yield Defect(Kind.DUPLICATED, f"a second entry of {where}")
