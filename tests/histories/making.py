"""Random histories of one contact: unlucky clocks, redrives, reruns, two groups."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tests.histories.events import Action, Event, History, Kind, Step

START = datetime(2026, 3, 10, 12, tzinfo=UTC)
GROUPS = ("a", "b")
# Seconds between an event and the next one.
_PAUSES = (0, 0, 0.001, 0.2, 1, 30, 600, 4 * 3600, 30 * 3600, 8 * 24 * 3600)
_OFFSETS = (
    timedelta(0),
    timedelta(seconds=3),
    timedelta(seconds=-3),
    timedelta(minutes=4),
    timedelta(hours=-3),
    timedelta(days=-2),
    timedelta(days=365),
    timedelta(days=36_525),
)
_STAMPS = ("0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "")
_KINDS = {
    Kind.RECEIVED: 36,
    Kind.SENT: 24,
    Kind.DELETED: 6,
    Kind.ANSWER: 18,
    Kind.WINDOW: 5,
    Kind.TAKEOVER: 6,
    Kind.CLOSE: 10,
    Kind.CLOSE_POINTER: 4,
    Kind.REOPEN_POINTER: 4,
}
# How often an event repeats the whole body of an earlier one.
_RESENT = {Kind.RECEIVED: 0.15, Kind.SENT: 0.15, Kind.ANSWER: 0.4}
_KEYS = ("weni_csat", "weni_csat", "weni_nps", "comment")
_NAMES = ("", "Ana", "Bia")


def make_history(seed: int) -> History:
    """Return the history of a seed, with 20 to 40 events."""
    rng = random.Random(seed)  # noqa: S311 (repeatable, not secret)
    events = _events(rng)
    return History(
        seed=seed, events=events, steps=_steps(events, rng), again=_once_more(events, rng)
    )


def _events(rng: random.Random) -> list[Event]:
    two_groups, falling = rng.random() < 0.5, rng.random() < 0.4
    patience = rng.choice((4, 7, 10))
    at = START + timedelta(milliseconds=rng.randrange(1_000))
    events: list[Event] = []
    for number in range(rng.randint(20, 40)):
        at += timedelta(seconds=rng.choice(_PAUSES[:patience]))
        queue_time = at
        if falling and rng.random() < 0.3:
            queue_time -= timedelta(milliseconds=rng.choice((1, 40, 5_000)))
        # The numbers of one group say nothing about those of another.
        group = rng.choice(GROUPS) if two_groups and rng.random() < 0.4 else GROUPS[0]
        sequence = (number + 1) * 10 + (10**19 if group == "b" else 0)
        events.append(_event(number, group, queue_time, sequence, events, rng))
    return events


def _event(
    number: int,
    group: str,
    queue_time: datetime,
    sequence: int,
    before: list[Event],
    rng: random.Random,
) -> Event:
    kind = rng.choices(list(_KINDS), weights=list(_KINDS.values()))[0]
    originals = [one for one in before if one.kind is kind]
    if originals and rng.random() < _RESENT.get(kind, 0):
        return replace(
            rng.choice(originals),
            number=number,
            group=group,
            queue_time=queue_time,
            sequence=sequence,
        )
    has_text = kind is not Kind.ANSWER or rng.random() < 0.4
    return Event(
        number=number,
        kind=kind,
        group=group,
        queue_time=queue_time,
        sequence=sequence,
        # Only a few ids, as in web chats, which restart them. So many messages are edits of other
        # ones.
        message_id=str(rng.randint(1, 4)),
        text=rng.choice(("A", "B", "C")) if has_text else "",
        correlation_id=str(rng.randint(1, 3)),
        created_at=_created_at(queue_time, rng),
        name=rng.choice(_NAMES),
        attachment=rng.choice(("", "", "photo")) if has_text else "",
        key=rng.choice(_KEYS) if kind is Kind.ANSWER else "",
        value=rng.choice(("1", "5", " 5.0 ", "9")) if kind is Kind.ANSWER else "",
        resolution=rng.choice((0, 1, 3)),
        direction=rng.choice(("", "received", "sent")) if kind is Kind.DELETED else "",
    )


def _created_at(queue_time: datetime, rng: random.Random) -> str:
    if rng.random() < 0.15:
        return rng.choice(_STAMPS)
    stamped = queue_time + rng.choice(_OFFSETS)
    if rng.random() < 0.5:
        stamped = stamped.replace(microsecond=0)
    return stamped.isoformat()


def _steps(events: list[Event], rng: random.Random) -> list[Step]:
    """Return the order of processing.

    Dead letters are redriven later, and any event may run again.
    """
    dead_share = rng.choice((0, 0.05, 0.15))
    rerun_share = rng.choice((0, 0.1, 0.4))
    steps: list[Step] = []
    waiting: list[int] = []
    ran: list[int] = []
    dying = 0
    for event in events:
        # Dead letters come in bursts, because what one event meets, the next ones meet, too.
        dying = rng.randint(1, 5) if rng.random() < dead_share else max(0, dying - 1)
        if dying:
            waiting.append(event.number)
        else:
            steps.append(Step(Action.RUN, event.number))
            ran.append(event.number)
        while waiting and rng.random() < 0.15:
            redriven = waiting.pop(rng.randrange(len(waiting)))
            steps.append(Step(Action.RUN, redriven))
            ran.append(redriven)
        while ran and rng.random() < rerun_share:
            steps.append(Step(Action.RUN, rng.choice(ran)))
        if rng.random() < 0.05:
            steps.append(Step(Action.ARCHIVE))
    rng.shuffle(waiting)
    steps += [Step(Action.RUN, number) for number in waiting]
    return steps


def _once_more(events: list[Event], rng: random.Random) -> list[Step]:
    """Return all events once more, in any order.

    In most histories the messages are gathered, so that they run in large batches, which are
    archived at once.
    """
    again = [Step(Action.RUN, event.number) for event in events]
    rng.shuffle(again)
    if rng.random() < 0.1:
        return again
    are_messages = {one.number: one.kind in (Kind.RECEIVED, Kind.SENT) for one in events}
    size = rng.choice((15, 40))
    parts = [again[start : start + size] for start in range(0, len(again), size)]
    messages_first = rng.random() < 0.5
    return [
        step
        for part in parts
        for step in sorted(part, key=lambda one: are_messages[one.event] is not messages_first)
    ]
