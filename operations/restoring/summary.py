"""The facts about a restored PostgreSQL, counted."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from operations.restoring.facts import (
    Erased,
    Fact,
    Lost,
    Nameless,
    Unarchived,
    Unknown,
    Unreadable,
)

# More are only counted, so that memory is bounded.
MAX_LISTED = 100


@dataclass(slots=True)
class Summary:
    """Numbers of conversations and messages, by the class of their facts.

    `lost` are messages of known conversations with a lost effect, and `answers` those of them with
    a survey answer. `nameless` and `unreadable` list the first MAX_LISTED.
    """

    conversations: Counter[type] = field(default_factory=Counter)
    messages: Counter[type] = field(default_factory=Counter)
    lost: int = 0
    answers: int = 0
    nameless: list[Nameless] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    _last: dict[type, UUID] = field(default_factory=dict)

    @property
    def is_reconciled(self) -> bool:
        """Whether there is nothing that reconciling would change."""
        kinds = (Unknown, Unarchived, Erased)
        return not self.lost and not any(self.conversations[kind] for kind in kinds)

    def add(self, fact: Fact) -> None:
        """Count a fact. Those of one conversation follow one another."""
        kind, uuid = type(fact), fact.conversation_uuid
        is_next = self._last.get(kind) != uuid
        self.conversations[kind] += is_next
        self._last[kind] = uuid
        match fact:
            case Lost(conversation=conversation, event=event):
                self.lost += conversation is not None
                self.answers += conversation is not None and event.answer is not None
            case Unarchived(messages=messages) | Unknown(messages=messages):
                self.messages[kind] += messages
            case Nameless(messages=messages):
                self.messages[kind] += messages
                self._list_nameless(fact, is_next=is_next)
            case Unreadable():
                if len(self.unreadable) < MAX_LISTED:
                    self.unreadable.append(fact)

    def _list_nameless(self, fact: Nameless, *, is_next: bool) -> None:
        if (
            not is_next
            and self.nameless
            and self.nameless[-1].conversation_uuid == (fact.conversation_uuid)
        ):
            before = self.nameless.pop()
            fact = Nameless(
                conversation_uuid=fact.conversation_uuid,
                messages=before.messages + fact.messages,
                first_at=min(before.first_at, fact.first_at),
                last_at=max(before.last_at, fact.last_at),
            )
        if len(self.nameless) < MAX_LISTED:
            self.nameless.append(fact)


def summary_of(facts: Iterable[Fact]) -> Summary:
    """Return the counts of these facts."""
    summary = Summary()
    for fact in facts:
        summary.add(fact)
    return summary
