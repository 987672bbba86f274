"""Checks that every version of every message is stored once, complete, in its conversation."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from testbed.checker.matching import MatchedRows
from testbed.checker.report import Defect, Kind
from testbed.checker.stores import FoundConversation, FoundVersion
from testbed.traffic.effects import ExpectedContact, ExpectedMessage, ExpectedVersion
from testbed.traffic.events import JsonObject, Trait


class _Copy(NamedTuple):
    uuid: str
    version: FoundVersion


def check_messages(
    *, expected: ExpectedContact, rows: Sequence[FoundConversation], matched: MatchedRows
) -> Iterator[Defect]:
    """Yield the defects of a contact's messages."""
    copies = _copies(rows)
    for message_id, message in expected.messages.items():
        left = copies.pop(message_id, [])
        for number, version in enumerate(message.versions, start=1):
            found = [one for one in left if version.is_repeated_by(one.version.document)]
            left = [one for one in left if one not in found]
            what = f"version {number} of {message_id} of {expected.contact.id}"
            yield from _check_version(what, version, found)
            yield from _check_place(what, message, found, matched=matched)
        yield from _check_unsent(message_id, left)
    for message_id, left in copies.items():
        yield from _check_unsent(message_id, left)
    if expected.contact.trait is Trait.TIMED:
        yield from _check_runs(expected, rows=rows)


def _copies(rows: Sequence[FoundConversation]) -> dict[str, list[_Copy]]:
    """Return all stored versions by message id, with the conversation of each.

    A version that is in the archive and still in DynamoDB counts once: it is stuck, not duplicated.
    """
    copies: defaultdict[str, list[_Copy]] = defaultdict(list)
    for row in rows:
        archived: defaultdict[str, list[JsonObject]] = defaultdict(list)
        for message in row.archive:
            archived[message.message_id] += [version.document for version in message.versions]
            copies[message.message_id] += [_Copy(row.uuid, each) for each in message.versions]
        for message in row.stored:
            copies[message.message_id] += [
                _Copy(row.uuid, version)
                for version in message.versions
                if version.document not in archived[message.message_id]
            ]
    return copies


def _check_version(what: str, version: ExpectedVersion, found: Sequence[_Copy]) -> Iterator[Defect]:
    if not found:
        yield Defect(Kind.LOST, f"{what} is missing or not complete")
        return
    for _ in found[1:]:
        yield Defect(Kind.DUPLICATED, f"{what} is in {[copy.uuid for copy in found]}")
    kept = found[0].version
    at = datetime.fromisoformat(kept.created_at)
    if not version.earliest <= at <= version.latest:
        yield Defect(Kind.OUT_OF_ORDER, f"{what} has another time than the one sent")
    sent_as = version.correlation_ids.get(kept.sequence_number)
    if sent_as is None or sent_as != kept.document["correlation_id"]:
        yield Defect(Kind.OUT_OF_ORDER, f"{what} has the place of an event that did not send it")


def _check_place(
    what: str, message: ExpectedMessage, found: Sequence[_Copy], *, matched: MatchedRows
) -> Iterator[Defect]:
    number = message.conversation
    if found and number and matched.uuid_of(number) not in [copy.uuid for copy in found]:
        yield Defect(Kind.MISATTRIBUTED, f"{what}, of conversation {number}, is in {found[0].uuid}")


def _check_unsent(message_id: str, left: Sequence[_Copy]) -> Iterator[Defect]:
    for copy in left:
        yield Defect(
            Kind.DUPLICATED, f"{message_id} in {copy.uuid} has a version that was never sent"
        )


def _check_runs(
    expected: ExpectedContact, *, rows: Sequence[FoundConversation]
) -> Iterator[Defect]:
    """Yield a defect if the messages of a conversation are not consecutive on the queue.

    Only the service knows which message was the last before a closing by time.
    """
    places = {
        message.message_id: row.uuid for row in rows for message in (*row.archive, *row.stored)
    }
    seen: list[str] = []
    for uuid in (places[message_id] for message_id in expected.messages if message_id in places):
        if seen and uuid == seen[-1]:
            continue
        if uuid in seen:
            yield Defect(Kind.MISATTRIBUTED, f"{uuid} goes on after a later conversation began")
        seen.append(uuid)
