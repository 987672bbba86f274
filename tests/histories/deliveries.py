"""How the steps of a history are delivered: alone, or several messages in a batch."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from tests.histories.events import Action, Event, Kind, Step

# How many histories run side by side.
SIDE_BY_SIDE = 50
# Answers, windows and closes run alone, as in a worker.
_IN_BATCHES = frozenset({Kind.RECEIVED, Kind.SENT})
# A message that runs alone, in a batch of one, takes another path through the service.
_MAX_SIZES = (1, 5, 25, 25)


@dataclass(frozen=True, slots=True)
class Delivery:
    """Steps that are delivered together. More messages may be added unless it `is_alone`."""

    steps: list[Step]
    is_alone: bool


def goes_in_batches(event: Event) -> bool:
    """Return whether a worker puts the event into a batch with others."""
    return event.kind in _IN_BATCHES


def deliveries(
    steps: list[Step], events: dict[int, Event], rng: random.Random
) -> Iterator[Delivery]:
    """Yield the steps in their order: messages in batches of random sizes, all others alone.

    `events` are by their numbers. A batch has each message only once, as a receive from SQS has.
    """
    batch: list[Step] = []
    max_size = 0
    for step in steps:
        is_message = step.action is Action.RUN and goes_in_batches(events[step.event])
        if batch and (not is_message or step in batch or len(batch) == max_size):
            yield Delivery(batch, is_alone=max_size == 1)
            batch = []
        if not is_message:
            yield Delivery([step], is_alone=True)
            continue
        if not batch:
            max_size = rng.choice(_MAX_SIZES)
        batch.append(step)
    if batch:
        yield Delivery(batch, is_alone=max_size == 1)
