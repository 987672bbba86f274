"""Closings in a real worker while live messages of other groups keep coming."""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

import boto3
from django.conf import settings

from apps.common.clock import now
from apps.conversations.models import Conversation
from bench.closing.data import make_due, store_messages
from bench.closing.result import Storm
from bench.closing.traffic import CONTACTS, PER_SECOND, Traffic, live_messages
from embedded.processes import ManagedProcess
from tasks.closing import close_due_conversations
from testbed.sqs import SqsServer

MESSAGES_EACH = 5
QUIET_SECONDS = 20.0
# As beat is set up.
_TICK_EVERY = 60.0
_MOST_SECONDS = 240.0
_LOOK_EVERY = 0.25
_WAITING: Final = "ApproximateNumberOfMessages"


def run_storm(
    *, conversations: int, concurrency: int, server: SqsServer, worker: ManagedProcess
) -> Storm:
    """The same traffic in one worker, first alone, then while so many conversations close.

    Raises ProcessError if the worker ends, or does not close them in a few minutes.
    """
    closing = make_due(number=conversations, prefix="storm:", due_at=now() + timedelta(days=1))
    store_messages(closing, each=MESSAGES_EACH)
    queue = _Queue(worker=worker)
    traffic = Traffic(sqs=queue.sqs, queue_url=queue.url)
    server.reset_calls()
    with traffic.running():
        # The first messages of the contacts open their conversations.
        queue.watch(until=lambda: traffic.sent >= 2 * CONTACTS)
        quiet_at = time.time()
        queue.watch(until=lambda: time.time() > quiet_at + QUIET_SECONDS)
        storm_at = time.time()
        Conversation.objects.filter(uuid__in=closing).update(due_at=now(), closes_at=now())
        tick = _Ticks()
        queue.watch(until=lambda: _are_archived(closing), meanwhile=tick)
        over_at = time.time()
    queue.watch(until=queue.is_empty)
    calls = server.calls()
    return Storm(
        conversations=conversations,
        messages_each=MESSAGES_EACH,
        concurrency=concurrency,
        contacts=CONTACTS,
        per_second=PER_SECOND,
        seconds=over_at - storm_at,
        ticks=tick.sent,
        most_waiting=queue.most_waiting,
        quiet=live_messages(calls, since=quiet_at, until=storm_at),
        storm=live_messages(calls, since=storm_at, until=over_at),
    )


class _Queue:
    """The service's queue, looked at until something is so."""

    def __init__(self, *, worker: ManagedProcess) -> None:
        self.sqs = boto3.client("sqs", region_name=settings.SQS_CONVERSATION_REGION)
        self.url = settings.SQS_CONVERSATION_QUEUE_URL
        self.most_waiting = 0
        self._worker = worker

    def watch(
        self, *, until: Callable[[], bool], meanwhile: Callable[[], None] = lambda: None
    ) -> None:
        """Returns once it is so, having noted how many messages wait."""
        deadline = time.monotonic() + _MOST_SECONDS
        while not until():
            if not self._worker.is_running:
                raise self._worker.error("ended")
            if time.monotonic() > deadline:
                raise self._worker.error(f"was not done after {_MOST_SECONDS:g} seconds")
            meanwhile()
            self.most_waiting = max(self.most_waiting, self._waiting())
            time.sleep(_LOOK_EVERY)

    def is_empty(self) -> bool:
        """Whether nothing waits or is in flight."""
        answer = self.sqs.get_queue_attributes(
            QueueUrl=self.url,
            AttributeNames=[_WAITING, "ApproximateNumberOfMessagesNotVisible"],
        )
        return not any(map(int, answer["Attributes"].values()))

    def _waiting(self) -> int:
        answer = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=[_WAITING])
        return int(answer["Attributes"][_WAITING])


class _Ticks:
    """What beat sends, as often as it does."""

    def __init__(self) -> None:
        self.sent = 0
        self._next_at = time.monotonic()

    def __call__(self) -> None:
        if time.monotonic() >= self._next_at:
            close_due_conversations.apply_async(deduplication_id=str(uuid4()))
            self.sent += 1
            self._next_at += _TICK_EVERY


def _are_archived(conversations: Sequence[UUID]) -> bool:
    return not Conversation.objects.filter(uuid__in=conversations, archived_at=None).exists()
