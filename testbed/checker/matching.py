"""Matches expected conversations with rows of the database."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from testbed.checker.stores import FoundConversation, FoundMessage
from testbed.traffic.effects import ExpectedContact, ExpectedMessage, MessageId


@dataclass(frozen=True, slots=True)
class MatchedRows:
    """The rows of a contact by the numbers of its conversations.

    A row matches the conversation to which most of its content belongs, so that a single misplaced
    event is a single defect. Of several such rows, the one with most of its content matches.
    `spurious` are rows with nothing that was expected of this contact.
    """

    by_number: dict[int, FoundConversation] = field(default_factory=dict)
    spurious: list[FoundConversation] = field(default_factory=list)

    def uuid_of(self, number: int) -> str | None:
        """Return the UUID of a conversation's row, None without one."""
        row = self.by_number.get(number)
        return row.uuid if row else None


def match_rows(expected: ExpectedContact, rows: Sequence[FoundConversation]) -> MatchedRows:
    """Match the rows of a contact, if the events determine its conversations."""
    if not expected.contact.is_certain:
        return MatchedRows()
    sent: defaultdict[MessageId, list[ExpectedMessage]] = defaultdict(list)
    for message in expected.messages.values():
        sent[message.id].append(message)
    windows = {
        external_id: number
        for number, conversation in expected.conversations.items()
        for external_id in conversation.external_ids
    }
    best: dict[int, tuple[int, FoundConversation]] = {}
    spurious = []
    for row in rows:
        held = [_number_of(found, sent[found.id]) for found in (*row.archive, *row.stored)]
        numbers = [*held, windows.get(row.external_id)]
        votes = Counter(number for number in numbers if number)
        if not votes:
            spurious.append(row)
            continue
        number, count = min(votes.items(), key=lambda vote: (-vote[1], vote[0]))
        if count > best.get(number, (0, row))[0]:
            best[number] = (count, row)
    return MatchedRows({number: row for number, (_, row) in best.items()}, spurious)


def _number_of(found: FoundMessage, sent: Sequence[ExpectedMessage]) -> int | None:
    """Return the conversation of the sent message that has one of these versions, or this id."""
    documents = [version.document for version in found.versions]
    of_version = [
        message
        for message in sent
        if any(version.document in documents for version in message.versions)
    ]
    return next((message.conversation for message in (*of_version, *sent)), None)
