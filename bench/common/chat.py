"""The events of the benchmarks: numbered messages of many contacts, the same for all subjects."""

import json
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from bench.common.queue import Message
from bench.common.texts import words
from testbed.dynamodb.accounts import Write
from testbed.traffic import bodies
from testbed.traffic.events import Answer, Contact, JsonObject

PROJECTS = 10
CHANNEL = UUID("a3b1d0c2-74c5-4f0e-8a5d-9e2f6c7b1d02")
TEXT_CHARACTERS = 100
_INTERVAL = timedelta(milliseconds=1)
_CORRELATION_ID = "bench"
_MESSAGE_ID = re.compile(r'"id":"(\d+)\.(\d+)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatEvent(Message):
    """An event, with the numbers by which the benchmark finds its effect."""

    contact: int
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Numbered messages of several contacts. Each number is sent for all contacts before the next.

    If `answers_every` is n, every nth event of a contact is a survey answer instead of a message;
    0 means no answers. The number of the first contact is `first_contact`. With `longest_text`, the
    texts have from `text_characters` to that many characters, and differ.
    """

    contacts: int
    numbers: range
    first_contact: int = 0
    text_characters: int = TEXT_CHARACTERS
    longest_text: int = 0
    answers_every: int = 0

    @property
    def answers(self) -> int:
        """The number of survey answers, which are not stored as messages."""
        return self.contacts * sum(map(self._is_answer, self.numbers))

    @property
    def messages(self) -> int:
        """The number of messages."""
        return len(self) - self.answers

    def __len__(self) -> int:
        return self.contacts * len(self.numbers)

    def __iter__(self) -> Iterator[ChatEvent]:
        started = datetime.now(UTC)
        text = words(characters=self.text_characters)
        for number in self.numbers:
            at = started + number * _INTERVAL
            for contact in self._contacts():
                said = self._long_text(contact, number) if self.longest_text else text
                yield self._event(contact, number, at=at, text=said)

    def closes(self) -> Iterator[ChatEvent]:
        """Yield the events that close the conversations of the contacts."""
        return map(close_of, self._contacts())

    def _contacts(self) -> range:
        return range(self.first_contact, self.first_contact + self.contacts)

    def _long_text(self, contact: int, number: int) -> str:
        rng = random.Random(f"{contact}.{number}")  # noqa: S311 (a text)
        characters = rng.randint(self.text_characters, self.longest_text)
        return words(characters=characters, seed=f"{contact}.{number}")

    def _event(self, contact: int, number: int, *, at: datetime, text: str) -> ChatEvent:
        message_id = f"{contact}.{number}"
        if self._is_answer(number):
            answer = Answer(
                message_id=message_id, key="weni_csat", value="5", score=5, conversation=None
            )
            body = bodies.answer(
                contact=_contact(contact),
                correlation_id=_CORRELATION_ID,
                answer=answer,
                value=answer.value,
            )
        else:
            body = bodies.message(
                contact=_contact(contact),
                correlation_id=_CORRELATION_ID,
                event_type="message.received",
                fields={"id": message_id, "text": text, "created_at": at.isoformat()},
            )
        return _chat_event(body, contact=contact, number=number)

    def _is_answer(self, number: int) -> bool:
        return bool(self.answers_every) and number % self.answers_every == self.answers_every - 1


def close_of(contact: int) -> ChatEvent:
    """Return the event that closes the contact's conversation."""
    body = bodies.close(contact=_contact(contact), correlation_id=_CORRELATION_ID, resolution=0)
    return _chat_event(body, contact=contact, number=-1)


def event_of(write: Write) -> tuple[int, int]:
    """Return the contact and the number of the event for which an item was written."""
    found = _MESSAGE_ID.search(write.beginning)
    if not found:
        raise ValueError("the item is not a message of a load")
    return int(found[1]), int(found[2])


def inversions(writes: Iterable[Write]) -> int:
    """Return how often a message was first stored after a later message of its contact."""
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


def _contact(number: int) -> Contact:
    project = UUID(int=1 + number % PROJECTS)
    return Contact(project=str(project), channel=str(CHANNEL), urn=f"bench:{number}")


def _chat_event(body: JsonObject, *, contact: int, number: int) -> ChatEvent:
    group = _contact(contact).group_id
    return ChatEvent(contact=contact, number=number, group=group, body=json.dumps(body))
