"""Checks that every version of every message is stored once, complete, in its conversation."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from testbed.checker.matching import MatchedRows
from testbed.checker.report import Defect, Kind
from testbed.checker.stores import FoundConversation, FoundVersion
from testbed.traffic.effects import ExpectedContact, ExpectedMessage, ExpectedVersion, MessageId
from testbed.traffic.events import JsonObject, Message, Trait


class _Copy(NamedTuple):
    uuid: str
    version: FoundVersion


def check_messages(
    *, expected: ExpectedContact, rows: Sequence[FoundConversation], matched: MatchedRows
) -> Iterator[Defect]:
    """Yield the defects of a contact's messages."""
    copies = _copies(rows)
    for message in expected.messages.values():
        for number, version in enumerate(message.versions, start=1):
            left = copies[message.id]
            found = [one for one in left if one.version.document == version.document]
            copies[message.id] = [one for one in left if one not in found]
            what = f"version {number} of {message.id} of {expected.contact.id}"
            yield from _check_version(what, version, found)
            yield from _check_place(what, message, found, matched=matched)
    for message_id, unsent in copies.items():
        for copy in unsent:
            what = f"{message_id} in {copy.uuid} has a version that was never sent"
            yield Defect(Kind.DUPLICATED, what)
    if expected.contact.trait is Trait.TIMED:
        yield from _check_runs(expected, rows=rows)


def _copies(rows: Sequence[FoundConversation]) -> defaultdict[MessageId, list[_Copy]]:
    """Return all stored versions by message, with the conversation of each.

    A version that is in the archive and still in DynamoDB counts once.
    """
    copies: defaultdict[MessageId, list[_Copy]] = defaultdict(list)
    for row in rows:
        archived: defaultdict[MessageId, list[JsonObject]] = defaultdict(list)
        for message in row.archive:
            archived[message.id] += [version.document for version in message.versions]
            copies[message.id] += [_Copy(row.uuid, each) for each in message.versions]
        for message in row.stored:
            copies[message.id] += [
                _Copy(row.uuid, version)
                for version in message.versions
                if version.document not in archived[message.id]
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
        what_time = f"the time {at}, not one from {version.earliest} to {version.latest}"
        yield Defect(Kind.OUT_OF_ORDER, f"{what} has {what_time}")
    if kept.sequence_number not in version.sequence_numbers:
        what_place = "the sequence number of an event that did not contain this version"
        yield Defect(Kind.OUT_OF_ORDER, f"{what} has {what_place}")


def _check_place(
    what: str, message: ExpectedMessage, found: Sequence[_Copy], *, matched: MatchedRows
) -> Iterator[Defect]:
    number = message.conversation
    if found and number and matched.uuid_of(number) not in [copy.uuid for copy in found]:
        yield Defect(Kind.MISATTRIBUTED, f"{what}, of conversation {number}, is in {found[0].uuid}")


def _check_runs(
    expected: ExpectedContact, *, rows: Sequence[FoundConversation]
) -> Iterator[Defect]:
    """Yield a defect if a conversation goes on after a message of another one, in queue order.

    This is for TIMED contacts. Only the service knows which of their messages was the last before a
    closing by time, so the conversation of a single message cannot be checked.
    """
    # No two events of a TIMED contact have the same correlation id, because they have no repeats.
    places = {
        version.document["correlation_id"]: row.uuid
        for row in rows
        for message in (*row.archive, *row.stored)
        for version in message.versions
    }
    sent = [
        json.loads(one.event.body)["correlation_id"]
        for one in expected.events
        if isinstance(one.event.effect, Message)
    ]
    seen: list[str] = []
    for uuid in (places[correlation_id] for correlation_id in sent if correlation_id in places):
        if seen and uuid == seen[-1]:
            continue
        if uuid in seen:
            yield Defect(Kind.MISATTRIBUTED, f"{uuid} continues after a later conversation began")
        seen.append(uuid)
