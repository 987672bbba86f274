"""One conversation of the generated day: what its contact, its bot and its platform send."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from demo import bodies
from demo.events import (
    HAS_CHAT_ROOM,
    RESOLVED,
    UNCLASSIFIED,
    UNRESOLVED,
    Answered,
    Changed,
    ConversationName,
    Effect,
    JsonObject,
    PlannedEvent,
    Quarantined,
    Stored,
    plan_event,
)
from demo.words import sentence

LEAST_MESSAGES = 3
LONGEST_PAUSE = timedelta(minutes=25)
LONGEST_SILENCE_BEFORE_CLOSE = timedelta(minutes=40)
# Answers, late messages and repeats come until then.
AFTERMATH = timedelta(minutes=45)

_SCORES = {"weni_csat": range(1, 6), "weni_nps": range(11)}
_ANSWERED_AFTER_CLOSE = 0.6
_TAKEN_OVER = 0.25
_WRITTEN_IN_UTC = 0.7
_AT_THE_SAME_TIME = 0.05
_CLOCK_IS_BEHIND = 0.05


@dataclass(slots=True, kw_only=True)
class StoryPlan:
    """How many events of each kind a conversation has, beside the one that closes it.

    One that is `left_open` has none that does. `answers` are keys of surveys, `invalid` kinds of
    invalid events. There are at least LEAST_MESSAGES messages. A plan has edits or repeats, not
    both.
    """

    name: ConversationName
    contact_name: str
    timezone: str
    starts_at: datetime
    left_open: bool = False
    messages: int = LEAST_MESSAGES
    answers: list[str] = field(default_factory=list)
    edits: int = 0
    late: int = 0
    repeats: int = 0
    invalid: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedEvent:
    """An event, and when its producer puts it on the queue."""

    at: datetime
    event: PlannedEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    sent_at: datetime
    created_at: datetime
    body: JsonObject


def tell(plan: StoryPlan, *, rng: random.Random) -> list[TimedEvent]:
    """The events of a conversation, in queue order."""
    return _Teller(plan=plan, rng=rng).tell()


class _Teller:
    def __init__(self, *, plan: StoryPlan, rng: random.Random) -> None:
        self._plan = plan
        self._rng = rng
        self._stored = Stored(conversation=plan.name)

    def tell(self) -> list[TimedEvent]:
        plan, rng = self._plan, self._rng
        lines = self._lines()
        start, last = lines[0].sent_at, lines[-1].sent_at
        close = self._between(last, last + LONGEST_SILENCE_BEFORE_CLOSE)
        end = close + AFTERMATH
        events = [self._event(line.sent_at, line.body, self._stored) for line in lines]
        if not plan.left_open:
            events.append(self._close(at=close, start=start))
        # The first line is always alone at its time; a repeat or an edit must be, because SQS's
        # sequence numbers, which decide among equal times, are random in moto.
        alone = [line for line in lines if _is_alone(line, lines)]
        for _ in range(plan.repeats):
            line = rng.choice(alone)
            at = self._between(line.sent_at, end)
            events.append(self._event(at, line.body, self._stored))
        for line in rng.sample(alone, plan.edits):
            at = self._between(line.sent_at, end)
            events.append(self._event(at, self._edited(line.body), self._stored))
        for _ in range(plan.late):
            created_at = self._between(start, lines[-1].created_at)
            body = self._message(is_from_contact=True, created_at=created_at)
            events.append(self._event(self._between(close, end), body, self._stored))
        for kind in plan.invalid:
            invalid = bodies.invalid(kind=kind, valid=rng.choice(lines).body)
            events.append(self._event(self._between(start, close), invalid, Quarantined()))
        for key in plan.answers:
            is_late = rng.random() < _ANSWERED_AFTER_CLOSE
            at = self._between(close, end) if is_late else self._between(start, close)
            events.append(self._answer(key, at=at))
        return sorted(events, key=lambda event: event.at)

    def _lines(self) -> list[_Line]:
        """The contact begins; then both sides write. Some write at once, some clocks are behind."""
        lines: list[_Line] = []
        at = self._plan.starts_at
        for number in range(self._plan.messages):
            created_at, luck = at, self._rng.random()
            if number > 1 and luck < _AT_THE_SAME_TIME:
                created_at = lines[-1].created_at
            elif number > 1 and luck > 1 - _CLOCK_IS_BEHIND:
                created_at = lines[-1].created_at - timedelta(microseconds=1)
            is_from_contact = number == 0 or self._rng.random() < 0.5
            body = self._message(is_from_contact=is_from_contact, created_at=created_at)
            lines.append(_Line(sent_at=at, created_at=created_at, body=body))
            at = self._between(at + LONGEST_PAUSE / 100, at + LONGEST_PAUSE)
        return lines

    def _message(self, *, is_from_contact: bool, created_at: datetime) -> JsonObject:
        in_utc = self._rng.random() < _WRITTEN_IN_UTC
        return bodies.message(
            conversation=self._plan.name,
            event_type="message.received" if is_from_contact else "message.sent",
            correlation_id=self._uuid(),
            message_id=self._uuid(),
            text=sentence(self._rng),
            created_at=created_at.astimezone(UTC if in_utc else ZoneInfo(self._plan.timezone)),
            contact_name=self._plan.contact_name,
        )

    def _edited(self, body: JsonObject) -> JsonObject:
        message = {**body["data"]["message"], "text": f"{sentence(self._rng)} (edited)"}
        data = {**body["data"], "message": message}
        return {**body, "correlation_id": self._uuid(), "data": data}

    def _answer(self, key: str, *, at: datetime) -> TimedEvent:
        scores = _SCORES.get(key)
        score = self._rng.choice(scores) if scores else None
        value = "delivered" if score is None else str(score)
        name = self._plan.name
        body = bodies.answer(
            conversation=name,
            correlation_id=self._uuid(),
            message_id=self._uuid(),
            key=key,
            value=value,
        )
        return self._event(at, body, Answered(conversation=name, key=key, value=value, score=score))

    def _close(self, *, at: datetime, start: datetime) -> TimedEvent:
        name, contact_name = self._plan.name, self._plan.contact_name
        if self._rng.random() >= _TAKEN_OVER:
            resolution = self._rng.choice((RESOLVED, RESOLVED, UNRESOLVED, UNCLASSIFIED))
            body = bodies.close(
                conversation=name, correlation_id=self._uuid(), resolution=resolution
            )
            return self._event(at, body, Changed(conversation=name, resolution=resolution))
        external_id = self._uuid()
        body = bodies.takeover(
            conversation=name,
            correlation_id=self._uuid(),
            external_id=external_id,
            start=start,
            end=start + timedelta(days=1),
            contact_name=contact_name,
        )
        effect = Changed(
            conversation=name,
            resolution=HAS_CHAT_ROOM,
            external_id=external_id,
            contact_name=contact_name,
        )
        return self._event(at, body, effect)

    def _event(self, at: datetime, body: JsonObject | str, effect: Effect) -> TimedEvent:
        event_type = body["event_type"] if isinstance(body, dict) else "message.received"
        event = plan_event(
            conversation=self._plan.name,
            event_type=event_type,
            # New at each sending, also of the same body: SQS does not see that it is a repeat.
            unique=self._uuid(),
            body=body,
            effect=effect,
        )
        return TimedEvent(at=at, event=event)

    def _between(self, start: datetime, end: datetime) -> datetime:
        return start + (end - start) * self._rng.random()

    def _uuid(self) -> str:
        return str(UUID(int=self._rng.getrandbits(128), version=4))


def _is_alone(line: _Line, lines: list[_Line]) -> bool:
    return [other.created_at for other in lines].count(line.created_at) == 1
