"""Closings in a real worker while live messages of other groups arrive."""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from uuid import UUID, uuid4

from apps.common.clock import now
from apps.conversations.models import Conversation
from bench.closing.data import make_due, store_messages
from bench.closing.result import Storm
from bench.closing.traffic import CONTACTS, PER_SECOND, Traffic, live_messages
from bench.common.backlog import NotDone
from bench.common.queue import LightQueue
from bench.common.servers import Stage
from bench.common.trial import Running
from tasks.closing import close_due_conversations

MESSAGES_EACH = 5
QUIET_SECONDS = 20.0
# The interval at which beat sends the task.
_TICK_SECONDS = 60.0
_MAX_SECONDS = 240.0
_POLL_SECONDS = 0.25


def run_storm(*, conversations: int, concurrency: int, stage: Stage, running: Running) -> Storm:
    """Run the same traffic in one worker, first alone, then while conversations close.

    Raises ProcessError if the worker ends, NotDone if it does not close them in a few minutes.
    """
    closing = make_due(number=conversations, prefix="storm:", due_at=now() + timedelta(days=1))
    store_messages(closing, each=MESSAGES_EACH)
    server = stage.servers.sqs
    watch = _Watch(queue=stage.queue, running=running)
    traffic = Traffic(queue_url=stage.environment["SQS_CONVERSATION_QUEUE_URL"])
    server.reset_calls()
    with traffic.running():
        # Wait until the contacts' first messages have opened their conversations.
        watch(until=lambda: traffic.sent >= 2 * CONTACTS)
        quiet_at = time.time()
        watch(until=lambda: time.time() > quiet_at + QUIET_SECONDS)
        storm_at = time.time()
        Conversation.objects.filter(uuid__in=closing).update(due_at=now(), closes_at=now())
        tick = _Ticks()
        watch(until=lambda: _are_archived(closing), on_poll=tick)
        ended_at = time.time()
    watch(until=lambda: not stage.queue.size())
    live = partial(live_messages, server.calls(), messages=traffic.messages)
    return Storm(
        conversations=conversations,
        messages_each=MESSAGES_EACH,
        concurrency=concurrency,
        contacts=CONTACTS,
        per_second=PER_SECOND,
        seconds=ended_at - storm_at,
        ticks=tick.sent,
        most_waiting=watch.most_waiting,
        quiet=live(since=quiet_at, until=storm_at),
        storm=live(since=storm_at, until=ended_at),
    )


class _Watch:
    """Watches the queue and the worker until a condition is true."""

    def __init__(self, *, queue: LightQueue, running: Running) -> None:
        self.most_waiting = 0
        self._queue = queue
        self._running = running

    def __call__(
        self, *, until: Callable[[], bool], on_poll: Callable[[], None] = lambda: None
    ) -> None:
        deadline = time.monotonic() + _MAX_SECONDS
        while not until():
            self._running.check()
            if time.monotonic() > deadline:
                raise NotDone(f"the worker was not done after {_MAX_SECONDS:g} seconds")
            on_poll()
            self.most_waiting = max(self.most_waiting, self._queue.waiting())
            time.sleep(_POLL_SECONDS)


class _Ticks:
    """Sends the tick for closing at the interval of beat."""

    def __init__(self) -> None:
        self.sent = 0
        self._next_at = time.monotonic()

    def __call__(self) -> None:
        if time.monotonic() >= self._next_at:
            close_due_conversations.apply_async(deduplication_id=str(uuid4()))
            self.sent += 1
            self._next_at += _TICK_SECONDS


def _are_archived(conversations: Sequence[UUID]) -> bool:
    return not Conversation.objects.filter(uuid__in=conversations, archived_at=None).exists()
