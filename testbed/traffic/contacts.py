"""The history of one contact, event by event, with the effect that each event must have."""

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

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
    Trait,
    Window,
    sortable,
)
from testbed.traffic.kinds import EventKind
from testbed.traffic.scores import KEYS, value_for

_EDITED = " (edited)"
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Draft(NamedTuple):
    """A body and its effect. `event_type` is None if the event has no message attributes."""

    body: JsonObject | str
    event_type: str | None
    effect: Effect
    kind: str = ""


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

    `messages` are those of the open conversation, `earlier` those of closed ones. `form` has the
    message id of the last answer, and the keys that no answer has with this id. `counts` has the
    last ids of a web chat, by direction for messages and by conversation for answers.
    """

    contact: Contact
    number: int = 0
    is_open: bool = False
    contact_wrote: bool = False
    messages: list[ChatMessage] = field(default_factory=list)
    earlier: list[ChatMessage] = field(default_factory=list)
    form: tuple[str, list[str]] = ("", [])
    counts: Counter[str | int] = field(default_factory=Counter)

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
        stamp: str = "",
        extra: Mapping[str, Any] = _NOTHING,
    ) -> Draft:
        """Return an event of any kind, and update the history.

        `token` is the id of the event, and must be new. `at` is the time in its body. `original` is
        the message of an edit or a repeat, `detail` the key of an answer or the kind of an invalid
        event. `stamp` is a time in a message that is not plausible, so that the queue's time stands
        in. `extra` are further fields of a message, such as attachments.
        """
        match kind:
            case EventKind.EDIT | EventKind.REPEAT | EventKind.RESEND if original:
                return self._again(kind, original, token=token)
            case EventKind.ANSWER | EventKind.FORM:
                return self._answer(
                    token=token, key=detail, rng=rng, is_form=kind == EventKind.FORM
                )
            case EventKind.WINDOW | EventKind.TAKEOVER:
                return self._window(token=token, at=at, is_takeover=kind is EventKind.TAKEOVER)
            case EventKind.CLOSE:
                resolution = rng.choice((RESOLVED, UNRESOLVED, UNCLASSIFIED))
                return self._close(token=token, resolution=resolution)
            case EventKind.INVALID:
                return self._invalid(token=token, at=at, text=text, kind=detail)
        return self._message(
            kind, original, token=token, at=at, text=text, stamp=stamp, extra=extra
        )

    def reopen(self) -> None:
        """Continue the latest conversation, which an operator has reopened."""
        self.is_open = True
        self.messages, self.earlier = self.earlier, []

    def _message(
        self,
        kind: EventKind,
        original: ChatMessage | None,
        *,
        token: str,
        at: datetime,
        text: str,
        stamp: str,
        extra: Mapping[str, Any],
    ) -> Draft:
        """Return a message. Its stamp has no influence on its conversation."""
        if kind is EventKind.LATE_EDIT and original:
            event_type, created_at = original.event_type, original.effect.created_at
            fields = {**original.fields, "text": f"{original.fields['text']}{_EDITED}"}
        else:
            event_type = EventKind.SENT if kind is EventKind.SENT else EventKind.RECEIVED
            created_at = None if stamp else sortable(at)
            message_id = self._id_of_session(event_type, token=token)
            fields = {**_fields(message_id, at=at, text=text), **extra}
            fields["created_at"] = stamp or fields["created_at"]
        opens = not self.is_open
        self._open()
        self.contact_wrote |= event_type == EventKind.RECEIVED
        sent = ChatMessage(
            fields=fields,
            event_type=event_type,
            correlation_id=token,
            effect=Message(
                message_id=fields["id"],
                created_at=created_at,
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
            text = original.fields["text"]
            text = text.removesuffix(_EDITED) if text.endswith(_EDITED) else f"{text}{_EDITED}"
            again = replace(again, fields={**original.fields, "text": text})
            self.messages[self.messages.index(original)] = again
        return self._draft(again)

    def _answer(self, *, token: str, key: str, rng: random.Random, is_form: bool) -> Draft:
        """Return an answer, to the open conversation if the contact has written in it."""
        # A conversation in which only the bot has written is not the answered one.
        is_of_latest = not self.is_open or self.contact_wrote
        # Without an earlier conversation, its question was the beginning of the latest one.
        number = self.number if is_of_latest else self.number - 1 or self.number
        if is_form:
            message_id, keys = self.form
            key = keys.pop()
        else:
            message_id = self._id_of_session(number, token=token)
            self.form = (message_id, [one for one in KEYS if one != key])
        value = value_for(key, token=token, rng=rng)
        answer = Answer(
            message_id=message_id,
            key=key,
            value=value.recorded,
            score=value.score,
            conversation=number if self.contact.is_certain else None,
            unscorable=value.unscorable,
        )
        body = bodies.answer(
            contact=self.contact, correlation_id=token, answer=answer, value=value.sent
        )
        return Draft(body, body["event_type"], answer)

    def _window(self, *, token: str, at: datetime, is_takeover: bool) -> Draft:
        """Return a window. A takeover closes the conversation; other windows open one if needed.

        A takeover without an open conversation marks the latest one: all events of a run are within
        the 24 hours of the service. Before the first conversation it opens one that is closed.
        """
        effect: Closing | Window
        name = self.contact.name
        if is_takeover:
            if not self.number:
                self._open()
            if self.is_open:
                self._end()
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
        self._end()
        body = bodies.close(contact=self.contact, correlation_id=token, resolution=resolution)
        effect = Closing(conversation=self._conversation, resolution=resolution)
        return Draft(body, body["event_type"], effect)

    def _invalid(self, *, token: str, at: datetime, text: str, kind: str) -> Draft:
        valid = bodies.message(
            contact=self.contact,
            correlation_id=token,
            event_type="message.received",
            fields=_fields(token, at=at, text=text),
        )
        event_type = None if kind in bodies.FOREIGN_KINDS else "message.received"
        body = bodies.invalid(kind=kind, valid=valid)
        return Draft(body, event_type, Invalid(reason=bodies.reason_of(kind)))

    @property
    def times(self) -> list[datetime]:
        """The plausible times in the remembered messages of the open conversation."""
        return [
            datetime.fromisoformat(one.fields["created_at"])
            for one in self.messages
            if one.effect.conversation == self.number and one.effect.created_at
        ]

    @property
    def _conversation(self) -> int | None:
        return self.number if self.contact.is_certain else None

    def _id_of_session(self, name: str | int, *, token: str) -> str:
        """Return a new message id. Those of web chats are numbers, which begin anew at 1.

        `name` is the direction of the message, or the conversation of the answer.
        """
        if self.contact.trait is not Trait.WEB:
            return token
        self.counts[name] += 1
        return str(self.counts[name])

    def _open(self) -> None:
        if not self.is_open:
            self.number += 1
            self.is_open = True
            self.contact_wrote = False

    def _end(self) -> None:
        """End the conversation. With the next one, the same message ids are new messages."""
        self.is_open = False
        self.earlier, self.messages = self.messages, []
        del self.counts[EventKind.RECEIVED], self.counts[EventKind.SENT]

    def _draft(self, sent: ChatMessage) -> Draft:
        body = bodies.message(
            contact=self.contact,
            correlation_id=sent.correlation_id,
            event_type=sent.event_type,
            fields=sent.fields,
        )
        return Draft(body, sent.event_type, sent.effect)


def _fields(message_id: str, *, at: datetime, text: str) -> JsonObject:
    created_at = at.isoformat().replace("+00:00", "Z")
    return {"id": message_id, "text": text, "created_at": created_at}
