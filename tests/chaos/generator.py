"""Events with known effects, the same for the same seed, one after the other without end."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.chaos import bodies
from tests.chaos.cast import Cast
from tests.chaos.plan import (
    HAS_CHAT_ROOM,
    RESOLVED,
    UNCLASSIFIED,
    UNRESOLVED,
    Answer,
    Closing,
    Contact,
    Effect,
    Message,
    PlannedEvent,
    Poison,
    Trait,
    Window,
    sortable,
)

HOT_SHARE = 0.3
POISON_SHARE = 0.01
LARGE_SHARE = 0.0002
HOSTILE_SHARE = 0.02
# What an event is, of a contact whose conversation is open; weights.
_KINDS = {"message": 74, "edit": 5, "resend": 5, "answer": 7, "window": 3, "close": 4, "room": 2}
# Only the service knows where these are cut, so nothing depends on it.
_KINDS_OF_TIMED = {"message": 76, "edit": 6, "resend": 6, "window": 12}
# What is edited or sent again is one of so many last messages, of closed conversations as well.
_REMEMBERED = 30
_CUSTOM_KEY = "chaos_event"


@dataclass(slots=True)
class _Told:
    """A message that was sent: its fields, and its place."""

    fields: bodies.JsonObject
    event_type: str
    effect: Message


@dataclass(slots=True)
class _Story:
    """What has happened to a contact. `number` is that of the latest conversation."""

    contact: Contact
    number: int = 0
    is_open: bool = False
    contact_wrote: bool = False
    told: list[_Told] = field(default_factory=list)


class Generator:
    """`start` is the time of the first event, `rate` how many there are in a second."""

    def __init__(self, *, seed: int, start: datetime, rate: float) -> None:
        self.cast = Cast.of(seed=seed)
        self._chance = random.Random(f"events {seed}")  # noqa: S311 (repeatable, not secret)
        self._start = start
        self._rate = rate
        self._number = 0
        self._stories = {contact.name: _Story(contact) for contact in self.cast.contacts}

    def __iter__(self) -> Iterator[PlannedEvent]:
        while True:
            yield self._next()

    def _next(self) -> PlannedEvent:
        self._number += 1
        is_hot = self._chance.random() < HOT_SHARE
        contact = self.cast.hot if is_hot else self._chance.choice(self.cast.contacts)
        body, effect = self._body_and_effect(self._stories[contact.name])
        return PlannedEvent(
            number=self._number,
            at=self._at,
            contact=contact,
            group_id=self._group_of(contact, effect),
            body=body if isinstance(body, str) else json.dumps(body),
            effect=effect,
        )

    @property
    def _at(self) -> float:
        return self._number / self._rate

    @property
    def _token(self) -> str:
        return f"e-{self._number}"

    def _group_of(self, contact: Contact, effect: Effect) -> str:
        """Of a split contact, the second producer sends some of the messages, and nothing else."""
        group = ":".join(contact.name)
        is_new = isinstance(effect, Message) and effect.version == 1
        if contact.trait is Trait.SPLIT and is_new and self._number % 2:
            return f"{group}:second"
        return group

    def _body_and_effect(self, story: _Story) -> tuple[bodies.JsonObject | str, Effect]:
        if self._chance.random() < POISON_SHARE:
            body, reason = bodies.poison(
                contact=story.contact, token=self._token, chance=self._chance
            )
            return body, Poison(token=self._token, reason=reason)
        kinds = _KINDS_OF_TIMED if story.contact.trait is Trait.TIMED else _KINDS
        (kind,) = self._chance.choices(list(kinds), weights=list(kinds.values()))
        match kind:
            case "edit" | "resend" if story.told and story.contact.trait is not Trait.SPLIT:
                return self._again(story, is_edit=kind == "edit")
            case "answer":
                return self._answer(story)
            case "window":
                return self._window(story)
            case "close" | "room" if story.is_open:
                return self._closing(story, is_room=kind == "room")
        return self._message(story)

    def _message(self, story: _Story) -> tuple[bodies.JsonObject, Effect]:
        at = self._start + timedelta(seconds=self._at)
        event_type = self._chance.choice(("message.received", "message.sent"))
        is_first = not story.is_open
        self._open(story)
        story.contact_wrote |= event_type == "message.received"
        effect = Message(
            message_id=self._token,
            version=1,
            created_at=sortable(at),
            conversation=self._conversation_of(story),
            opens=is_first,
        )
        fields = {
            "id": self._token,
            "text": f"{self._token} v1 {self._text()}",
            "created_at": at.isoformat(),
        }
        return self._remembered(story, _Told(fields, event_type, effect))

    def _again(self, story: _Story, *, is_edit: bool) -> tuple[bodies.JsonObject, Effect]:
        """Another version of a message, or the latest one in another event."""
        told = self._chance.choice(story.told)
        before = told.effect
        version = before.version + is_edit
        effect = Message(
            message_id=before.message_id,
            version=version,
            created_at=before.created_at,
            conversation=before.conversation,
        )
        if is_edit:
            story.told.remove(told)
            text = f"{before.message_id} v{version} edited"
            return self._remembered(
                story, _Told({**told.fields, "text": text}, told.event_type, effect)
            )
        return self._body_of(story, told), effect

    def _answer(self, story: _Story) -> tuple[bodies.JsonObject, Effect]:
        key = self._chance.choice(("weni_csat", "weni_nps", "weni_csat", "weni_nps", _CUSTOM_KEY))
        scores = {"weni_csat": range(1, 6), "weni_nps": range(11)}.get(key)
        score = self._chance.choice(scores) if scores else None
        value = self._token if score is None else str(score)
        # The bot's question alone does not make the conversation in progress the answered one.
        is_of_current = story.is_open and story.contact_wrote
        number = story.number if is_of_current or not story.is_open else story.number - 1
        body = bodies.answer(
            contact=story.contact,
            correlation_id=self._token,
            message_id=self._token,
            key=key,
            value=value,
        )
        return body, Answer(
            message_id=self._token,
            key=key,
            value=value,
            score=score,
            conversation=number if story.contact.is_certain else None,
        )

    def _window(self, story: _Story) -> tuple[bodies.JsonObject, Effect]:
        self._open(story)
        body = bodies.window(
            contact=story.contact,
            correlation_id=self._token,
            external_id=self._token,
            has_chats_room=False,
        )
        return body, Window(external_id=self._token, conversation=self._conversation_of(story))

    def _closing(self, story: _Story, *, is_room: bool) -> tuple[bodies.JsonObject, Effect]:
        story.is_open = False
        number = self._conversation_of(story)
        if is_room:
            body = bodies.window(
                contact=story.contact,
                correlation_id=self._token,
                external_id=self._token,
                has_chats_room=True,
            )
            return body, Closing(
                conversation=number, resolution=HAS_CHAT_ROOM, external_id=self._token
            )
        resolution = self._chance.choice((RESOLVED, UNRESOLVED, UNCLASSIFIED))
        body = bodies.close(
            contact=story.contact, correlation_id=self._token, resolution=resolution
        )
        return body, Closing(conversation=number, resolution=resolution)

    def _open(self, story: _Story) -> None:
        if not story.is_open:
            story.number += 1
            story.is_open = True
            story.contact_wrote = False

    def _conversation_of(self, story: _Story) -> int | None:
        return story.number if story.contact.is_certain else None

    def _remembered(self, story: _Story, told: _Told) -> tuple[bodies.JsonObject, Effect]:
        story.told.append(told)
        del story.told[:-_REMEMBERED]
        return self._body_of(story, told), told.effect

    def _body_of(self, story: _Story, told: _Told) -> bodies.JsonObject:
        return bodies.message(
            contact=story.contact,
            correlation_id=self._token,
            event_type=told.event_type,
            fields=told.fields,
        )

    def _text(self) -> str:
        luck = self._chance.random()
        if luck < LARGE_SHARE:
            return bodies.LARGE_TEXT
        if luck < LARGE_SHARE + HOSTILE_SHARE:
            return self._chance.choice(bodies.HOSTILE_TEXTS)
        return "Is my order on its way?"
