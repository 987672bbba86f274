"""Compares the published events with the stores."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from testbed.checker.answers import check_answers
from testbed.checker.conversations import check_conversations
from testbed.checker.dead_letters import check_dead_letters, quarantined
from testbed.checker.matching import MatchedRows, match_rows
from testbed.checker.messages import check_messages
from testbed.checker.report import Defect, Kind
from testbed.checker.stores import FoundConversation, Stores
from testbed.checker.transcripts import check_transcript
from testbed.traffic.effects import ExpectedContact, expected_effects
from testbed.traffic.events import IN_PROGRESS, Contact, ContactId, SentEvent


def check(
    *,
    sent: Sequence[SentEvent],
    stores: Stores,
    closings: Mapping[str, datetime] | None = None,
    is_drained: bool = True,
    lake_may_repeat: bool = True,
) -> list[Defect]:
    """Return every difference between the stores and the effects of the events.

    `sent` is in the order of sending. `closings` are the closing times that have passed, by
    project. If `is_drained`, the queues must be empty. If `lake_may_repeat`, the lake may have an
    event twice under one id, as after a crash.
    """
    lost = quarantined(sent=sent, stores=stores)
    expected = expected_effects(
        (one for one in sent if one.message_id not in lost), closings=closings
    )
    rows: defaultdict[ContactId, list[FoundConversation]] = defaultdict(list)
    for row in stores.conversations:
        rows[row.contact].append(row)
    for contact_id in rows:
        if contact_id not in expected.contacts:
            expected.contacts[contact_id] = _unknown_contact(contact_id)
    matched: dict[ContactId, MatchedRows] = {}
    defects = list(check_dead_letters(sent=sent, stores=stores))
    for contact_id, contact in expected.contacts.items():
        found = rows[contact_id]
        of_contact = matched[contact_id] = match_rows(contact, found)
        defects += check_messages(expected=contact, rows=found, matched=of_contact)
        defects += check_conversations(expected=contact, rows=found, matched=of_contact)
    for row in stores.conversations:
        defects += check_transcript(row)
        defects += _check_archived(row)
    defects += check_answers(
        expected=expected, stores=stores, matched=matched, lake_may_repeat=lake_may_repeat
    )
    defects += _check_waiting(stores, is_drained=is_drained)
    return defects


def _unknown_contact(contact_id: ContactId) -> ExpectedContact:
    project, channel, urn = contact_id
    return ExpectedContact(contact=Contact(project=project, channel=channel, urn=urn))


def _check_archived(row: FoundConversation) -> Iterator[Defect]:
    if row.resolution == IN_PROGRESS:
        if row.is_past_closing:
            yield Defect(Kind.STUCK, f"{row.uuid} is open past its closing time")
        return
    if not row.is_archived:
        yield Defect(Kind.STUCK, f"{row.uuid} is closed and not archived")
    for message in row.stored:
        yield Defect(
            Kind.STUCK, f"{message.message_id} is only in DynamoDB, and {row.uuid} is closed"
        )


def _check_waiting(stores: Stores, *, is_drained: bool) -> Iterator[Defect]:
    waiting = {"in the outbox": stores.left_in_outbox}
    if is_drained:
        waiting["on the queue"] = stores.left_on_queue
        waiting["on the dead-letter queue"] = stores.left_on_dead_letter_queue
    for where, count in waiting.items():
        for _ in range(count):
            yield Defect(Kind.STUCK, f"left {where}")
    for key in stores.strays:
        yield Defect(Kind.STUCK, f"item of an unknown conversation {key}")
