"""Stores messages as text and as the service does, and measures sizes, units and CPU times."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from statistics import fmean
from unittest.mock import patch
from uuid import UUID

from apps.messages import message_items
from apps.messages.message_items import MessageItems, body_of, items_of, size_of
from apps.messages.message_table import Item
from bench.entries.messages import Sample, body_and_key, samples
from bench.entries.result import Cost, Entries, Kind
from bench.entries.ways import measured_pairs, measured_ways
from testbed.dynamodb.items import write_units

ROUNDS = 50
_CONVERSATION = UUID("11111111-1111-4111-8111-111111111111")
_NOW = datetime(2026, 11, 24, tzinfo=UTC)

Message = tuple[bytes, str]


def measure(*, rounds: int = ROUNDS) -> Entries:
    """Return the costs of the messages of each kind, and those of other ways to store them."""
    of_kinds = samples()
    return Entries(
        rounds=rounds,
        kinds=[_kind(sample, rounds=rounds) for sample in of_kinds],
        ways=measured_ways(of_kinds),
        pairs=measured_pairs(of_kinds),
    )


def _kind(sample: Sample, *, rounds: int) -> Kind:
    messages = [body_and_key(entry) for entry in sample.entries]
    # If the service finds that every item costs one unit, it compresses none.
    with patch.object(message_items, "write_units", lambda _item: 1):
        before = _cost(messages, rounds=rounds)
    compressed = sum("dictionary" in _stored(one).head for one in messages)
    return Kind(
        name=sample.kind,
        language=sample.language,
        messages=len(messages),
        characters=fmean(map(len, sample.texts)),
        compressed=compressed / len(messages),
        before=before,
        after=_cost(messages, rounds=rounds),
    )


def _cost(messages: Sequence[Message], *, rounds: int) -> Cost:
    heads = [_stored(one).head for one in messages]
    sizes = [size_of(head) for head in heads]
    return Cost(
        write_units=fmean(map(write_units, sizes)),
        bytes=fmean(sizes),
        writing=_microseconds(lambda: [_stored(one) for one in messages], rounds=rounds)
        / len(messages),
        reading=_microseconds(lambda: [_body(head) for head in heads], rounds=rounds)
        / len(messages),
    )


def _body(head: Item) -> bytes | None:
    return body_of(head, (), conversation_uuid=_CONVERSATION)


def _stored(message: Message) -> MessageItems:
    body, key = message
    return items_of(conversation_uuid=_CONVERSATION, key=key, body=body, now=_NOW)


def _microseconds(work: Callable[[], object], *, rounds: int) -> float:
    """Return the shortest CPU time of the rounds: what interrupts the others is not part of it."""
    times = []
    for _ in range(rounds):
        begun = time.process_time_ns()
        work()
        times.append(time.process_time_ns() - begun)
    return min(times) / 1_000
