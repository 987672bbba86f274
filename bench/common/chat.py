"""The events of the benchmark: numbered messages of many contacts, the same for every subject."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from bench.common.queue import Message
from testbed.dynamodb.accounts import Write

PROJECTS = 10
CHANNEL = UUID("a3b1d0c2-74c5-4f0e-8a5d-9e2f6c7b1d02")
TEXT_CHARACTERS = 100
_APART = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatEvent(Message):
    """An event on its way to the queue, and what it is known by."""

    contact: int
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Messages with these numbers for each of so many contacts, the contacts mixed.

    Every `answers_every`th event of a contact is a survey answer instead; 0: none is. Contacts are
    numbered from `first_contact` on.
    """

    contacts: int
    numbers: range
    first_contact: int = 0
    text_characters: int = TEXT_CHARACTERS
    answers_every: int = 0

    @property
    def answers(self) -> int:
        """How many of its events are survey answers, which are not stored as messages."""
        return self.contacts * sum(map(self._is_answer, self.numbers))

    @property
    def messages(self) -> int:
        """How many of its events are messages."""
        return len(self) - self.answers

    def __len__(self) -> int:
        return self.contacts * len(self.numbers)

    def __iter__(self) -> Iterator[ChatEvent]:
        started = datetime.now(UTC)
        text = "How can I help you? " * (self.text_characters // 20 + 1)
        for number in self.numbers:
            at = started + number * _APART
            for contact in range(self.first_contact, self.first_contact + self.contacts):
                yield self._event(contact, number, at=at, text=text[: self.text_characters])

    def _event(self, contact: int, number: int, *, at: datetime, text: str) -> ChatEvent:
        answer = self._is_answer(number)
        message = {
            "id": f"{contact}.{number}",
            "text": "" if answer else text,
            "source": "system" if answer else "incoming",
            "created_at": "" if answer else at.isoformat(),
            "contact_name": "Ana",
        }
        data: dict[str, Any] = {"message": message}
        if answer:
            data |= {"key": "weni_csat", "value": "5"}
        return _event("message.received", data, contact=contact, number=number)

    def _is_answer(self, number: int) -> bool:
        return bool(self.answers_every) and number % self.answers_every == self.answers_every - 1


def close_of(contact: int) -> ChatEvent:
    """The event that closes the contact's conversation."""
    return _event("conversation.close", {"resolution": 0}, contact=contact, number=-1)


def event_of(write: Write) -> tuple[int, int]:
    """The contact and the number of the event that an item was written for."""
    contact, number = write.sort.split("#")[1].split(".")
    return int(contact), int(number)


def inversions(writes: Iterable[Write]) -> int:
    """How often a message was first stored after a later one of its contact."""
    newest: dict[int, int] = {}
    seen: set[tuple[int, int]] = set()
    found = 0
    for contact, number in map(event_of, writes):
        if (contact, number) in seen:
            continue
        seen.add((contact, number))
        found += number < newest.get(contact, number)
        newest[contact] = max(number, newest.get(contact, number))
    return found


def _event(event_type: str, data: dict[str, Any], *, contact: int, number: int) -> ChatEvent:
    project, urn = UUID(int=1 + contact % PROJECTS), f"bench:{contact}"
    identity = {
        "project_uuid": str(project),
        "channel_uuid": str(CHANNEL),
        "contact_urn": urn,
    }
    body = {"event_type": event_type, "correlation_id": "bench", "data": {**identity, **data}}
    return ChatEvent(
        contact=contact,
        number=number,
        group=f"{project}:{CHANNEL}:{urn}",
        body=json.dumps(body),
    )
