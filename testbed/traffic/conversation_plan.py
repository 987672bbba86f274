"""The events of one conversation of a readable day, with their times."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from testbed.traffic.contacts import EventKind
from testbed.traffic.events import Contact

MIN_MESSAGES = 3
# Answers, late messages and repeats may come for this long after the close.
AFTERMATH = timedelta(minutes=45)

_MAX_PAUSE = timedelta(minutes=25)
_MAX_SILENCE_BEFORE_CLOSE = timedelta(minutes=40)
_ANSWERED_AFTER_CLOSE = 0.6
_TAKEN_OVER = 0.25
_WRITTEN_IN_UTC = 0.7
_AT_THE_SAME_TIME = 0.05
_CLOCK_IS_BEHIND = 0.05


class Step(NamedTuple):
    """An event that is sent at `at`.

    `created_at` is the time in the message; for an edit or a repeat, that of the original. `detail`
    is the key of an answer or the kind of an invalid event.
    """

    at: datetime
    kind: EventKind
    created_at: datetime
    detail: str = ""


@dataclass(slots=True, kw_only=True)
class ConversationPlan:
    """The number of events of each kind in a conversation, beside the event that closes it.

    If it is `left_open`, no event closes it. `answers` are keys of surveys, `invalid` kinds of
    invalid events. There are at least MIN_MESSAGES messages, and edits or repeats, not both.
    """

    contact: Contact
    timezone: str
    starts_at: datetime
    left_open: bool = False
    messages: int = MIN_MESSAGES
    answers: list[str] = field(default_factory=list)
    edits: int = 0
    late: int = 0
    repeats: int = 0
    invalid: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        counts = (self.messages, self.edits, self.late, self.repeats, not self.left_open)
        return sum(counts) + len(self.answers) + len(self.invalid)


def steps_of(plan: ConversationPlan, *, rng: random.Random) -> list[Step]:
    """Return the events of a conversation, in queue order."""
    lines = _lines(plan, rng=rng)
    start, last = lines[0].at, lines[-1].at
    close = _between(last, last + _MAX_SILENCE_BEFORE_CLOSE, rng=rng)
    end = close + AFTERMATH
    steps = list(lines)
    if not plan.left_open:
        kind = EventKind.TAKEOVER if rng.random() < _TAKEN_OVER else EventKind.CLOSE
        steps.append(Step(close, kind, start))
    # Among equal times the sequence number decides, which some models of SQS choose at random. So
    # only messages with a unique time are edited or repeated. The first message always has one.
    alone = [line for line in lines if _is_alone(line, lines)]
    for line in rng.choices(alone, k=plan.repeats):
        steps.append(Step(_between(line.at, end, rng=rng), EventKind.REPEAT, line.created_at))
    for line in rng.sample(alone, plan.edits):
        steps.append(Step(_between(line.at, end, rng=rng), EventKind.EDIT, line.created_at))
    for _ in range(plan.late):
        created_at = _between(start, lines[-1].created_at, rng=rng)
        at = _between(close, end, rng=rng)
        steps.append(Step(at, EventKind.LATE, _in_some_zone(created_at, plan=plan, rng=rng)))
    for kind_of_invalid in plan.invalid:
        at = _between(start, close, rng=rng)
        steps.append(Step(at, EventKind.INVALID, at, kind_of_invalid))
    for key in plan.answers:
        is_late = rng.random() < _ANSWERED_AFTER_CLOSE
        at = _between(close, end, rng=rng) if is_late else _between(start, close, rng=rng)
        steps.append(Step(at, EventKind.ANSWER, at, key))
    return sorted(steps, key=lambda step: step.at)


def _lines(plan: ConversationPlan, *, rng: random.Random) -> list[Step]:
    """Return the messages of both sides. A few have the time of the one before, or less."""
    lines: list[Step] = []
    at = plan.starts_at
    for number in range(plan.messages):
        created_at, luck = at, rng.random()
        if number > 1 and luck < _AT_THE_SAME_TIME:
            created_at = lines[-1].created_at
        elif number > 1 and luck > 1 - _CLOCK_IS_BEHIND:
            created_at = lines[-1].created_at - timedelta(microseconds=1)
        is_from_contact = number == 0 or rng.random() < 0.5
        kind = EventKind.RECEIVED if is_from_contact else EventKind.SENT
        lines.append(Step(at, kind, _in_some_zone(created_at, plan=plan, rng=rng)))
        at = _between(at + _MAX_PAUSE / 100, at + _MAX_PAUSE, rng=rng)
    return lines


def _in_some_zone(at: datetime, *, plan: ConversationPlan, rng: random.Random) -> datetime:
    is_in_utc = rng.random() < _WRITTEN_IN_UTC
    return at.astimezone(UTC if is_in_utc else ZoneInfo(plan.timezone))


def _between(start: datetime, end: datetime, *, rng: random.Random) -> datetime:
    return start + (end - start) * rng.random()


def _is_alone(line: Step, lines: list[Step]) -> bool:
    return [other.created_at for other in lines].count(line.created_at) == 1
