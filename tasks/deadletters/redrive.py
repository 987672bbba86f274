"""Redriving dead letters: sending them to the events' queue again."""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext_noop

from apps.common import aws
from apps.common.clock import now
from apps.messages.dead_letter_format import body_of, own_attributes, place_of
from apps.messages.dead_letters import PlannedRedrive
from apps.messages.models import DeadLetter
from apps.messages.reading import attribute_names
from celery_sqs_fifo import PLACE
from tasks.deadletters.queue import BATCH, send_to_events, size_of

logger = logging.getLogger(__name__)

TOO_LARGE = gettext_noop("too large to be sent with its place on the queue and its type")
BEHIND_A_REFUSED_ONE = "an earlier letter of its message group was refused"


@dataclass(slots=True)
class Redrive:
    """The progress of a redrive.

    `refused` has the reason for each refused letter, by its id. `not_tried` has the ids of letters
    whose group has an earlier letter that was refused. `skipped` is the number of letters that were
    deleted or redriven by someone else in the meantime.
    """

    total: int
    redriven: int = 0
    skipped: int = 0
    refused: dict[int, str] = field(default_factory=dict)
    not_tried: list[int] = field(default_factory=list)


def redrive(
    planned: Sequence[PlannedRedrive],
    *,
    rate: float | None = None,
    on_progress: Callable[[Redrive], None] = lambda _progress: None,
) -> Redrive:
    """Send letters to the events' queue again. Each group keeps the order of `planned`.

    `rate` is in letters per second. A letter is marked as redriven after SQS has accepted it. If
    the process ends between the two, the next run sends the letter again with the same
    deduplication id. Within five minutes SQS drops the repeat ("Exactly-once processing"). Later,
    the repeated event changes nothing. After a refusal the other letters of the group are not
    tried, so that none overtakes the refused one. Raise Unavailable; the next run continues.
    """
    progress = Redrive(total=len(planned))
    queues: dict[str, deque[PlannedRedrive]] = {}
    for one in planned:
        queues.setdefault(one.group_id, deque()).append(one)
    size = min(BATCH, max(1, int(rate))) if rate else BATCH
    begin = time.monotonic()
    while queues:
        heads = [queue[0] for queue in islice(queues.values(), size)]
        _redrive_heads(heads, queues, progress)
        on_progress(progress)
        if rate and queues:
            time.sleep(max(0.0, begin + progress.redriven / rate - time.monotonic()))
    return progress


def _redrive_heads(
    heads: Sequence[PlannedRedrive], queues: dict[str, deque[PlannedRedrive]], progress: Redrive
) -> None:
    """Send the first letter of each of some groups, and record the results in `progress`.

    No call has two letters of a group, so a refused letter is not overtaken by the next one. The
    letters stay locked until they are marked, so that two runs never send one letter twice.
    """
    with transaction.atomic():
        letters = _lock_unchanged(heads)
        for head in heads:
            if head.pk not in letters:
                progress.skipped += 1
                _advance(head, queues)
        batch, too_large = _fit_batch([letters[head.pk] for head in heads if head.pk in letters])
        codes = send_to_events([message for _, message in batch]) if batch else {}
        taken = [letter for index, (letter, _) in enumerate(batch) if index not in codes]
        _mark_redriven(taken)
    refused = {letter.pk: TOO_LARGE for letter in too_large}
    refused |= {batch[index][0].pk: code for index, code in codes.items()}
    redriven = {letter.pk for letter in taken}
    for head in heads:
        if head.pk in redriven:
            progress.redriven += 1
            _advance(head, queues)
        elif head.pk in refused:
            progress.refused[head.pk] = refused[head.pk]
            progress.not_tried += [one.pk for one in queues.pop(head.group_id) if one != head]
    for letter in taken:
        logger.info(
            "dead_letter_redriven",
            extra={"dead_letter": letter.pk, "message_id": letter.message_id},
        )


def _advance(head: PlannedRedrive, queues: dict[str, deque[PlannedRedrive]]) -> None:
    queue = queues.pop(head.group_id)
    queue.popleft()
    if queue:
        # Append it at the end, so that all groups take turns.
        queues[head.group_id] = queue


def _lock_unchanged(heads: Sequence[PlannedRedrive]) -> dict[int, DeadLetter]:
    """Lock and return the letters that have not changed since they were planned, by their ids."""
    letters = DeadLetter.objects.select_for_update(no_key=True).order_by("pk")
    found = letters.in_bulk([head.pk for head in heads])
    return {
        head.pk: found[head.pk]
        for head in heads
        if head.pk in found and found[head.pk].redrive_count == head.redrive_count
    }


def _mark_redriven(letters: Iterable[DeadLetter]) -> None:
    DeadLetter.objects.filter(pk__in=[letter.pk for letter in letters]).update(
        redriven_at=now(),
        redrive_count=F("redrive_count") + 1,
        redrive_requested_at=None,
        redrive_refusal="",
    )


def _fit_batch(
    letters: Iterable[DeadLetter],
) -> tuple[list[tuple[DeadLetter, Mapping[str, Any]]], list[DeadLetter]]:
    """Return the messages that fit into one call, and the letters that are too large for any.

    Letters that are in neither list are for a later call.
    """
    batch: list[tuple[DeadLetter, Mapping[str, Any]]] = []
    too_large = []
    room = aws.SQS_MAX_MESSAGE_BYTES
    for letter in letters:
        message = _message(letter)
        size = size_of(message)
        if size > aws.SQS_MAX_MESSAGE_BYTES:
            too_large.append(letter)
        elif size <= room:
            batch.append((letter, message))
            room -= size
    return batch, too_large


def _message(letter: DeadLetter) -> dict[str, Any]:
    """Return the message to send: the event's body, its place and the attributes that it needs.

    Each redrive of a letter has its own deduplication id. Of the event's other attributes, the
    message has as many as fit.
    """
    own = own_attributes(letter)
    place = {"DataType": "String", "StringValue": str(place_of(letter))}
    needed = {name: own.pop(name) for name in attribute_names() if name in own}
    message: dict[str, Any] = {
        "MessageBody": body_of(letter),
        "MessageGroupId": letter.group_id,
        "MessageDeduplicationId": f"{letter.message_id}:{letter.redrive_count}",
        "MessageAttributes": {PLACE: place, **needed},
    }
    attributes = message["MessageAttributes"]
    for name, value in own.items():
        attributes[name] = value
        is_too_many = len(attributes) > aws.SQS_MAX_MESSAGE_ATTRIBUTES
        if is_too_many or size_of(message) > aws.SQS_MAX_MESSAGE_BYTES:
            del attributes[name]
    return message
