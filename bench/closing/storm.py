"""Measures closings in a real worker while live messages of other groups arrive."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from uuid import UUID, uuid4

from apps.common.clock import now
from apps.conversations.models import Conversation, Resolution
from bench.closing.result import Storm
from bench.closing.traffic import CONTACTS, PER_SECOND, Traffic, live_messages
from bench.common.backlog import wait_until, warm_up
from bench.common.chat import Load
from bench.common.trial import PROCESSES, Trial
from tasks.closing import close_due_conversations

MESSAGES_EACH = 5
# Contacts with this number and higher ones send no live messages. Their conversations close.
_FIRST_CLOSING = 1_000_000
QUIET_SECONDS = 20.0
# The interval at which beat sends the task.
_TICK_SECONDS = 60.0
_MAX_SECONDS = 240.0
_POLL_SECONDS = 0.25


def run_storm(trial: Trial, *, conversations: int) -> Storm:
    """Send the same traffic to one worker twice: first alone, then while conversations close.

    Raises ProcessError if the worker ends, NotDone if it does not close them in a few minutes.
    """
    load = Load(contacts=conversations, numbers=range(MESSAGES_EACH), first_contact=_FIRST_CLOSING)
    warm_up(trial, load=load, max_seconds=_MAX_SECONDS)
    in_progress = Conversation.objects.filter(resolution=Resolution.IN_PROGRESS)
    closing = list(in_progress.values_list("uuid", flat=True))
    queue, server = trial.stage.queue, trial.stage.servers.sqs
    waiting: list[int] = []

    def watch(*, until: Callable[[], bool], on_poll: Callable[[], None] = lambda: None) -> None:
        def poll() -> None:
            on_poll()
            waiting.append(queue.waiting())

        wait_until(
            until, trial=trial, max_seconds=_MAX_SECONDS, on_poll=poll, poll_seconds=_POLL_SECONDS
        )

    traffic = Traffic(queue_url=trial.stage.environment["SQS_CONVERSATION_QUEUE_URL"])
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
    watch(until=lambda: not queue.size())
    live = partial(live_messages, server.calls(), messages=traffic.messages)
    return Storm(
        conversations=len(closing),
        messages_each=MESSAGES_EACH,
        concurrency=PROCESSES,
        contacts=CONTACTS,
        per_second=PER_SECOND,
        seconds=ended_at - storm_at,
        ticks=tick.sent,
        most_waiting=max(waiting),
        quiet=live(since=quiet_at, until=storm_at),
        storm=live(since=storm_at, until=ended_at),
    )


class _Ticks:
    """Sends `close_due_conversations` as often as beat does."""

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
