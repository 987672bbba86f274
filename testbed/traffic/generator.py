"""Generates an endless stream of events of many contacts, the same for the same seed."""

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from testbed.traffic import bodies
from testbed.traffic.contacts import ChatMessage, ContactHistory, Draft
from testbed.traffic.events import Contact, JsonObject, Message, PlannedEvent, Trait
from testbed.traffic.kinds import EventKind
from testbed.traffic.scores import KEYS, SCORES
from testbed.traffic.scripts import EARLIER, OF_SECOND_GROUP

PLAIN_TEXT = "Is my order on its way?"
# The share of the hot contact, if there is one.
HOT_SHARE = 0.3
# Scores are more frequent than answers without a score.
_KEYS = (*SCORES, *KEYS)
# Edits and repeats concern the last messages of the conversation.
_REMEMBERED = 30
_OFFSETS = (timedelta(0), timedelta(seconds=3), timedelta(hours=-3), timedelta(days=-2))
# These times, and those of clocks that are this far ahead, are not plausible: the queue time is
# used instead.
_STAMPS = ("0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z")
_AHEAD = (timedelta(days=2), timedelta(days=365), timedelta(days=36_525))
# What a message has besides its text. Most messages have nothing.
_EXTRAS: tuple[JsonObject, ...] = (
    {},
    {},
    {},
    {"attachments": ["image/jpeg:https://media.example/1.jpg"]},
    {"attachments": [], "reply_to": "e-1", "reactions": {"👍": 2}},
)
# Only the service knows which conversation these events belong to. So the checker expects no
# particular one.
_KINDS_OF_TIMED = {
    EventKind.RECEIVED: 38,
    EventKind.SENT: 38,
    EventKind.EDIT: 6,
    EventKind.RESEND: 6,
    EventKind.WINDOW: 12,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """The composition of a stream.

    `kinds` are the weights of the kinds of valid events. Of every `events_per_invalid` events, the
    last is invalid. `untidy_share` of the messages have the time of the message before, or a
    microsecond less, as if clocks differed. `unlucky_share` of the messages are of producers whose
    clocks are up to two days behind and show whole seconds. An equal share has a stamp that is not
    plausible, such as zero or a time in a hundred years. With `stray_takeovers`, takeovers also
    come while no conversation is open.
    """

    kinds: Mapping[EventKind, int]
    events_per_invalid: int
    text: Callable[[random.Random], str]
    untidy_share: float = 0.0
    unlucky_share: float = 0.0
    stray_takeovers: bool = False


class Generator:
    """An endless stream. `start` is the time of its beginning, `rate` its events per second.

    `zones` are the time zones by the project's uuid; events are written in them or in UTC.
    """

    def __init__(
        self,
        *,
        seed: int,
        start: datetime,
        rate: float,
        contacts: Sequence[Contact],
        zones: Mapping[str, str],
        mix: Mix,
    ) -> None:
        self._rng = random.Random(f"events {seed}")  # noqa: S311 (repeatable, not secret)
        self._start = start
        self._rate = rate
        self._mix = mix
        self._zones = zones
        self._contacts = [one for one in contacts if one.trait is not Trait.REOPENED]
        self._hot = next((one for one in contacts if one.trait is Trait.HOT), None)
        self._number = self._scripted = 0
        self._histories = {each: ContactHistory(each) for each in contacts}
        # These are sent before the service starts.
        self.earlier = [
            self._earlier(contact, index)
            for contact in contacts
            for index in range(len(EARLIER.get(contact.trait, ())))
        ]
        # Each is sent when an operator has reopened the conversation of its contact.
        self.after_reopening = [
            self._after_reopening(one) for one in contacts if one.trait is Trait.REOPENED
        ]
        self._scripted = self._number

    def __iter__(self) -> Iterator[PlannedEvent]:
        while True:
            self._number += 1
            contact = self._contact()
            history = self._histories.setdefault(contact, ContactHistory(contact))
            draft = self._draft(self._kind(history), history)
            yield self._planned(draft, contact=contact, group_id=self._group_of(contact, draft))

    def _earlier(self, contact: Contact, index: int) -> PlannedEvent:
        """Return an event of the script."""
        self._number += 1
        kind, is_redriven = EARLIER[contact.trait][index]
        history = self._histories[contact]
        # The first edit is of the redriven message before it, and the second restores its text.
        messages = history.messages or history.earlier
        draft = self._draft(kind, history, original=messages[-1] if messages else None)
        is_of_two_groups = contact.trait is Trait.REDRIVEN
        if is_of_two_groups and isinstance(draft.effect, Message):
            # Which of them opens the conversation depends on the order of processing.
            draft = draft._replace(effect=replace(draft.effect, opens=False))
        is_of_second = is_of_two_groups and index in OF_SECOND_GROUP
        group_id = f"{contact.group_id}:second" if is_of_second else contact.group_id
        event = self._planned(draft, contact=contact, group_id=group_id)
        return replace(event, at=0.0, is_redriven=is_redriven)

    def _after_reopening(self, contact: Contact) -> PlannedEvent:
        """Return a message of a reopened conversation."""
        self._number += 1
        history = self._histories[contact]
        history.reopen()
        draft = self._draft(EventKind.RECEIVED, history)
        if isinstance(draft.effect, Message):
            draft = draft._replace(effect=replace(draft.effect, after_reopening=True))
        event = self._planned(draft, contact=contact, group_id=contact.group_id)
        return replace(event, at=0.0, kind="message after reopening")

    def _draft(
        self, kind: EventKind, history: ContactHistory, *, original: ChatMessage | None = None
    ) -> Draft:
        """Return an event of this kind. By default, it is an edit or repeat of any message."""
        is_invalid = kind is EventKind.INVALID
        messages = history.earlier if kind is EventKind.LATE_EDIT else history.messages
        at = self._time(kind, history)
        draft = history.send(
            kind,
            token=f"e-{self._number}",
            at=at,
            rng=self._rng,
            text=PLAIN_TEXT if is_invalid else self._mix.text(self._rng),
            original=original or (self._rng.choice(messages) if messages else None),
            detail=self._kind_of_invalid() if is_invalid else self._rng.choice(_KEYS),
            stamp=self._stamp() if self._is_unlucky(history.contact) else "",
            extra=self._rng.choice(_EXTRAS),
        )
        del history.messages[:-_REMEMBERED]
        return draft._replace(kind=kind)

    def _planned(self, draft: Draft, *, contact: Contact, group_id: str) -> PlannedEvent:
        return PlannedEvent(
            number=self._number,
            at=(self._number - self._scripted) / self._rate,
            contact=contact,
            group_id=group_id,
            deduplication_id=str(self._number),
            body=draft.body if isinstance(draft.body, str) else json.dumps(draft.body),
            effect=draft.effect,
            attributes=_attributes(contact, draft),
            kind=draft.kind,
        )

    def _contact(self) -> Contact:
        if self._hot and self._rng.random() < HOT_SHARE:
            return self._hot
        return self._rng.choice(self._contacts)

    def _kind(self, history: ContactHistory) -> EventKind:
        """Return a kind that is possible for this contact now."""
        if self._number % self._mix.events_per_invalid == 0:
            return EventKind.INVALID
        trait = history.contact.trait
        kinds = _KINDS_OF_TIMED if trait is Trait.TIMED else self._mix.kinds
        (kind,) = self._rng.choices(list(kinds), weights=list(kinds.values()))
        match kind:
            case EventKind.EDIT | EventKind.RESEND | EventKind.REPEAT:
                is_possible = bool(history.messages) and trait is not Trait.SPLIT
            case EventKind.LATE_EDIT:
                is_possible = bool(history.earlier) and trait is not Trait.SPLIT
            case EventKind.FORM:
                # In web chats, the same id and key may be those of an earlier answer.
                is_possible = bool(history.form[1]) and trait is not Trait.WEB
            case EventKind.CLOSE:
                is_possible = history.is_open
            case EventKind.TAKEOVER:
                is_possible = history.is_open or self._mix.stray_takeovers
            case _:
                is_possible = True
        return kind if is_possible else self._rng.choice((EventKind.RECEIVED, EventKind.SENT))

    def _kind_of_invalid(self) -> str:
        """Return the kinds of invalid events in turn."""
        turn = self._number // self._mix.events_per_invalid
        return bodies.INVALID_KINDS[turn % len(bodies.INVALID_KINDS)]

    def _time(self, kind: EventKind, history: ContactHistory) -> datetime:
        """Return the time in the body of an event, in UTC or in the zone of its project."""
        at = self._now
        times = history.times
        is_next = kind in (EventKind.RECEIVED, EventKind.SENT) and history.is_open
        if is_next and len(times) > 1 and self._rng.random() < self._mix.untidy_share:
            at = times[-1] - timedelta(microseconds=self._rng.choice((0, 1)))
        if self._is_unlucky(history.contact):
            # A clock that is off, and shows whole seconds.
            at = at.replace(microsecond=0) + self._rng.choice(_OFFSETS)
        zone = self._rng.choice((UTC, ZoneInfo(self._zones[history.contact.project])))
        return at.astimezone(zone)

    @property
    def _now(self) -> datetime:
        """The time of the current event by a correct clock."""
        return self._start + timedelta(seconds=self._number / self._rate)

    def _stamp(self) -> str:
        """Return a time that is not plausible: a fixed one, or one of a clock that is ahead."""
        ahead = (self._now + self._rng.choice(_AHEAD)).isoformat()
        return self._rng.choice((*_STAMPS, ahead))

    def _is_unlucky(self, contact: Contact) -> bool:
        """Return whether a time is wrong. Those of split contacts order their conversations."""
        return contact.trait is not Trait.SPLIT and self._rng.random() < self._mix.unlucky_share

    def _group_of(self, contact: Contact, draft: Draft) -> str:
        """Return the group id. A second producer sends some messages of split contacts."""
        is_message = isinstance(draft.effect, Message)
        if contact.trait is Trait.SPLIT and is_message and self._number % 2:
            return f"{contact.group_id}:second"
        return contact.group_id


def _attributes(contact: Contact, draft: Draft) -> dict[str, str]:
    """Return the message attributes, which repeat fields of the body."""
    if draft.event_type is None:
        return {}
    return {
        "event_type": draft.event_type,
        "project_uuid": contact.project,
        "channel_uuid": contact.channel,
    }
