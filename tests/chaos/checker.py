"""Compares what was published with what the stores hold.

Written apart from the service: it imports none of its code, and knows its tables, items and files
as any other program would (`tests.chaos.stores` reads them).
"""

from collections import defaultdict
from collections.abc import Sequence

from tests.chaos.check_answers import check_answers
from tests.chaos.check_conversations import Homes, check_conversations
from tests.chaos.check_dead_letters import check_dead_letters, given_up
from tests.chaos.check_messages import check_messages
from tests.chaos.check_transcripts import check_transcripts
from tests.chaos.defects import Defects, Kind
from tests.chaos.found import FoundConversation, Stores
from tests.chaos.plan import IN_PROGRESS, PlannedEvent


def check(*, sent: Sequence[PlannedEvent], stores: Stores) -> Defects:
    """Every way in which the stores differ from what the events say; `sent` in order of sending."""
    defects = Defects()
    check_dead_letters(sent=sent, stores=stores, defects=defects)
    lost = given_up(sent=sent, stores=stores)
    accepted = [event for event in sent if event.number not in lost]
    by_contact: defaultdict[tuple[str, str, str], list[PlannedEvent]] = defaultdict(list)
    for event in accepted:
        by_contact[event.contact.name].append(event)
    rows: defaultdict[tuple[str, str, str], list[FoundConversation]] = defaultdict(list)
    for row in stores.conversations:
        rows[row.contact].append(row)
    homes: dict[tuple[str, str, str], Homes] = {}
    for name in by_contact.keys() | rows.keys():
        events, found = by_contact[name], rows[name]
        homes[name] = Homes.of(events=events, rows=found)
        check_messages(events=events, rows=found, homes=homes[name], defects=defects)
        check_conversations(events=events, rows=found, homes=homes[name], defects=defects)
    check_transcripts(rows=stores.conversations, defects=defects)
    check_answers(sent=accepted, stores=stores, homes=homes, defects=defects)
    _check_what_waits(stores=stores, defects=defects)
    return defects


def _check_what_waits(*, stores: Stores, defects: Defects) -> None:
    waiting = {
        "on the queue": stores.left_on_queue,
        "on the dead-letter queue": stores.left_on_dead_letter_queue,
        "in the outbox": stores.left_in_outbox,
    }
    for where, count in waiting.items():
        defects.add_all(Kind.STUCK, [f"left {where}"] * count)
    defects.add_all(Kind.STUCK, (f"item of no conversation {key}" for key in stores.strays))
    for row in stores.conversations:
        if row.resolution == IN_PROGRESS:
            if row.is_past_closing:
                defects.add(Kind.STUCK, f"{row.uuid} is open past its closing time")
            continue
        if not row.is_archived:
            defects.add(Kind.STUCK, f"{row.uuid} is closed and not archived")
        for message in row.stored:
            defects.add(
                Kind.STUCK, f"{message.message_id} is in DynamoDB, and {row.uuid} is closed"
            )
