"""The history of one contact, event by event, with the effect that each event must have."""

import random
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from testbed.traffic import bodies
from testbed.traffic.events import (
    HAS_CHAT_ROOM,
    RESOLVED,
    UNCLASSIFIED,
    UNRESOLVED,
    Answer,
    Closing,
    Contact,
    Effect,
    Invalid,
    JsonObject,
    Message,
    Window,
    sortable,
)

SCORES = {"weni_csat": range(1, 6), "weni_nps": range(11)}


class EventKind(StrEnum):
    """The kind of an event.

    A REPEAT is the same body again, a RESEND the same message with another correlation id.
    """

    RECEIVED = "message.received"
    SENT = "message.sent"
    LATE = "late message"
    EDIT = "edit"
    REPEAT = "repeat"
    RESEND = "resend"
    ANSWER = "answer"
    WINDOW = "window"
    TAKEOVER = "takeover"
    CLOSE = "close"
    INVALID = "invalid"


class Draft(NamedTuple):
    """A body and its effect. `event_type` is None if the event has no message attributes."""

    body: JsonObject | str
    event_type: str | None
    effect: Effect


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A sent message in its latest version, with its effect."""

    fields: JsonObject
    event_type: str
    correlation_id: str
    effect: Message


@dataclass(slots=True)
class ContactHistory:
    """The conversations of a contact so far; `number` is that of the latest one.

    Each method returns an event and updates the history. `token` is the id of the event, and must
    be new.
    """

    contact: Contact
    number: int = 0
    is_open: bool = False
    contact_wrote: bool = False
    messages: list[ChatMessage] = field(default_factory=list)

    def send(
        self,
        kind: EventKind,
        *,
        token: str,
        at: datetime,
        rng: random.Random,
        text: str = "",
        original: ChatMessage | None = None,
        detail: str = "",
    ) -> Draft:
        """Return an event of any kind.

        `at` is the time in its body. `original` is the message of an edit or a repeat, `detail` the
        key of an answer or the kind of an invalid event.
        """
        match kind:
            case EventKind.EDIT | EventKind.REPEAT | EventKind.RESEND if original:
                return self._again(kind, original, token=token)
            case EventKind.ANSWER:
                return self._answer(token=token, key=detail, rng=rng)
            case EventKind.WINDOW | EventKind.TAKEOVER:
                return self._window(token=token, at=at, is_takeover=kind is EventKind.TAKEOVER)
            case EventKind.CLOSE:
                resolution = rng.choice((RESOLVED, UNRESOLVED, UNCLASSIFIED))
                return self._close(token=token, resolution=resolution)
            case EventKind.INVALID:
                return self._invalid(token=token, at=at, text=text, kind=detail)
        return self._message(kind, token=token, at=at, text=text)

    def _message(self, kind: EventKind, *, token: str, at: datetime, text: str) -> Draft:
        """Return a message. A late one belongs to the latest conversation, open or closed."""
        is_late = kind is EventKind.LATE
        opens = not self.is_open and not is_late
        if not is_late:
            self._open()
            self.contact_wrote |= kind is EventKind.RECEIVED
        sent = ChatMessage(
            fields=_fields(token=token, at=at, text=text),
            event_type=EventKind.RECEIVED if is_late else kind.value,
            correlation_id=token,
            effect=Message(
                message_id=token,
                created_at=sortable(at),
                conversation=self._conversation,
                opens=opens,
            ),
        )
        self.messages.append(sent)
        return self._draft(sent)

    def _again(self, kind: EventKind, original: ChatMessage, *, token: str) -> Draft:
        """Return the latest version of a message again, or an edit, which is the latest then."""
        again = replace(original, effect=replace(original.effect, opens=False))
        if kind is not EventKind.REPEAT:
            again = replace(again, correlation_id=token)
        if kind is EventKind.EDIT:
            text = f"{original.fields['text']} (edited)"
            again = replace(again, fields={**original.fields, "text": text})
            self.messages[self.messages.index(original)] = again
        return self._draft(again)

    def _answer(self, *, token: str, key: str, rng: random.Random) -> Draft:
        """Return an answer, to the open conversation if the contact has written in it."""
        # A conversation in which only the bot has written is not the answered one.
        is_of_latest = not self.is_open or self.contact_wrote
        number = self.number if is_of_latest else self.number - 1
        score = rng.choice(SCORES[key]) if key in SCORES else None
        answer = Answer(
            message_id=token,
            key=key,
            value=token if score is None else str(score),
            score=score,
            conversation=number if self.contact.is_certain else None,
        )
        body = bodies.answer(contact=self.contact, correlation_id=token, answer=answer)
        return Draft(body, body["event_type"], answer)

    def _window(self, *, token: str, at: datetime, is_takeover: bool) -> Draft:
        """Return a window. A takeover closes the conversation; other windows open one if needed."""
        effect: Closing | Window
        name = self.contact.name
        if is_takeover:
            self.is_open = False
            effect = Closing(
                conversation=self._conversation,
                resolution=HAS_CHAT_ROOM,
                external_id=token,
                contact_name=name,
            )
        else:
            self._open()
            effect = Window(conversation=self._conversation, external_id=token, contact_name=name)
        body = bodies.window(
            contact=self.contact, correlation_id=token, start=at, has_chats_room=is_takeover
        )
        return Draft(body, body["event_type"], effect)

    def _close(self, *, token: str, resolution: int) -> Draft:
        self.is_open = False
        body = bodies.close(contact=self.contact, correlation_id=token, resolution=resolution)
        effect = Closing(conversation=self._conversation, resolution=resolution)
        return Draft(body, body["event_type"], effect)

    def _invalid(self, *, token: str, at: datetime, text: str, kind: str) -> Draft:
        valid = bodies.message(
            contact=self.contact,
            correlation_id=token,
            event_type="message.received",
            fields=_fields(token=token, at=at, text=text),
        )
        event_type = None if kind in bodies.FOREIGN_KINDS else "message.received"
        body = bodies.invalid(kind=kind, valid=valid)
        return Draft(body, event_type, Invalid(reason=bodies.reason_of(kind)))

    @property
    def _conversation(self) -> int | None:
        return self.number if self.contact.is_certain else None

    def _open(self) -> None:
        if not self.is_open:
            self.number += 1
            self.is_open = True
            self.contact_wrote = False

    def _draft(self, sent: ChatMessage) -> Draft:
        body = bodies.message(
            contact=self.contact,
            correlation_id=sent.correlation_id,
            event_type=sent.event_type,
            fields=sent.fields,
        )
        return Draft(body, sent.event_type, sent.effect)


def _fields(*, token: str, at: datetime, text: str) -> JsonObject:
    created_at = at.isoformat().replace("+00:00", "Z")
    return {"id": token, "text": text, "created_at": created_at}
