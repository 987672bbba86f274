"""Sending dead letters to the events' queue again."""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import F

from apps.common import aws
from apps.common.clock import now
from apps.messages.dead_letter_format import body_of, first_sent_milliseconds, own_attributes
from apps.messages.dead_letters import PlannedRedrive
from apps.messages.models import DeadLetter
from celery_sqs_fifo import FIRST_SENT_AT
from tasks.deadletters.queue import BATCH, send_to_events

logger = logging.getLogger(__name__)

TOO_LARGE = "too large to be sent with the time at which it was first sent"


@dataclass(slots=True)
class Redrive:
    """What has become of the letters so far.

    `refused` says why, by the letter's id. `behind` are those that were not tried, because one
    before them in their group was refused. `passed_over` counts those that were gone, or redriven
    by somebody else meanwhile.
    """

    total: int
    redriven: int = 0
    passed_over: int = 0
    refused: dict[int, str] = field(default_factory=dict)
    behind: list[int] = field(default_factory=list)


def redrive(
    planned: Sequence[PlannedRedrive],
    *,
    rate: float | None = None,
    on_progress: Callable[[Redrive], None] = lambda _progress: None,
) -> Redrive:
    """Send these letters to the events' queue again, in the order given within each group.

    `rate` is in letters per second. Each letter is marked after SQS has taken it. Cut off between
    the two, it is sent again by the next run with the same deduplication id: within five minutes
    SQS drops the repeat ("Exactly-once processing"), and later the event changes nothing. After a
    refusal the rest of its group is not tried, so that nothing overtakes it. Raises Unavailable;
    the next run goes on.
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
    """One of each group, so that a refusal cannot let the next of its group overtake.

    The letters are locked until they are marked: two runs at once send none twice.
    """
    with transaction.atomic():
        letters = _locked(heads)
        for head in heads:
            if head.pk not in letters:
                progress.passed_over += 1
                _done(head, queues)
        batch, too_large = _batch([letters[head.pk] for head in heads if head.pk in letters])
        codes = send_to_events([message for _, message in batch]) if batch else {}
        taken = [letter for place, (letter, _) in enumerate(batch) if place not in codes]
        _mark(taken)
    refused = {letter.pk: TOO_LARGE for letter in too_large}
    refused |= {batch[place][0].pk: code for place, code in codes.items()}
    redriven = {letter.pk for letter in taken}
    for head in heads:
        if head.pk in redriven:
            progress.redriven += 1
            _done(head, queues)
        elif head.pk in refused:
            progress.refused[head.pk] = refused[head.pk]
            progress.behind += [one.pk for one in queues.pop(head.group_id) if one != head]
    for letter in taken:
        logger.info(
            "dead_letter_redriven",
            extra={"dead_letter": letter.pk, "message_id": letter.message_id},
        )


def _done(head: PlannedRedrive, queues: dict[str, deque[PlannedRedrive]]) -> None:
    queue = queues.pop(head.group_id)
    queue.popleft()
    if queue:
        # At the end, so that all groups have their turns.
        queues[head.group_id] = queue


def _locked(heads: Sequence[PlannedRedrive]) -> dict[int, DeadLetter]:
    """Those that are there and have not been redriven since they were planned, by their ids."""
    letters = DeadLetter.objects.select_for_update(no_key=True).order_by("pk")
    found = letters.in_bulk([head.pk for head in heads])
    return {
        head.pk: found[head.pk]
        for head in heads
        if head.pk in found and found[head.pk].redrive_count == head.redrive_count
    }


def _mark(letters: Iterable[DeadLetter]) -> None:
    DeadLetter.objects.filter(pk__in=[letter.pk for letter in letters]).update(
        redriven_at=now(), redrive_count=F("redrive_count") + 1, redrive_requested_at=None
    )


def _batch(
    letters: Iterable[DeadLetter],
) -> tuple[list[tuple[DeadLetter, Mapping[str, Any]]], list[DeadLetter]]:
    """Messages that fit into one call, and letters that fit into none; the rest is for later."""
    batch: list[tuple[DeadLetter, Mapping[str, Any]]] = []
    too_large = []
    room = aws.SQS_MAX_MESSAGE_BYTES
    for letter in letters:
        message = _message(letter)
        size = _size(message)
        if size > aws.SQS_MAX_MESSAGE_BYTES:
            too_large.append(letter)
        elif size <= room:
            batch.append((letter, message))
            room -= size
    return batch, too_large


def _message(letter: DeadLetter) -> dict[str, Any]:
    """As the event was, with the time at which it was first queued.

    The deduplication id is the letter's own, and another one for each time that it is redriven. Of
    the event's attributes there are as many as SQS takes.
    """
    sent_at = str(first_sent_milliseconds(letter))
    message: dict[str, Any] = {
        "MessageBody": body_of(letter),
        "MessageGroupId": letter.group_id,
        "MessageDeduplicationId": f"{letter.message_id}:{letter.redrive_count}",
        "MessageAttributes": {FIRST_SENT_AT: {"DataType": "String", "StringValue": sent_at}},
    }
    attributes = message["MessageAttributes"]
    for name, value in own_attributes(letter).items():
        attributes[name] = value
        is_too_many = len(attributes) > aws.SQS_MAX_MESSAGE_ATTRIBUTES
        if is_too_many or _size(message) > aws.SQS_MAX_MESSAGE_BYTES:
            del attributes[name]
    return message


def _size(message: Mapping[str, Any]) -> int:
    """The body, and name, type and value of each attribute (SQS, "Message quotas")."""
    texts = [message["MessageBody"]]
    for name, value in message["MessageAttributes"].items():
        texts += [name, *value.values()]
    return sum(len(text if isinstance(text, bytes) else _bytes(text)) for text in texts)


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")
