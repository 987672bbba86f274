"""Measures how long a subject takes to process a full queue, and what the events cost.

An event has taken effect when the DynamoDB server has stored its message, or when PostgreSQL has
its answer. Effects are read from the servers, never from what a subject reports.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from bench.common.chat import Load, event_of, inversions
from bench.common.costs import Counts
from bench.common.trial import Trial
from embedded.commands import CommandError

_POLL_SECONDS = 0.1

Sample = tuple[int, float]


class NotDone(CommandError):
    """Some events did not take effect in time, or more took effect than were sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """The measurement of one subject with one backlog.

    `seconds` is the time from the moment when the subject could begin until its last effect.
    `counts` includes everything until the queue is empty. Each sample in `memory` has the number of
    messages stored so far and the megabytes in use. `repeated` counts messages that were stored
    again.
    """

    events: int
    seconds: float
    memory: Sequence[Sample]
    counts: Counts
    inversions: int
    repeated: int

    def costs(self) -> dict[str, Any]:
        """Return the fields of `Costs`."""
        events, counts = self.events, self.counts
        return {
            "events": events,
            "seconds": self.seconds,
            "events_per_second": events / self.seconds,
            "cpu_ms_per_event": counts.cpu_seconds / events * 1_000,
            "sqs_calls_per_event": counts.sqs.total() / events,
            "dynamodb_calls_per_event": counts.dynamodb.total() / events,
            "write_units_per_event": counts.write_units / events,
            "sql_per_event": counts.sql / events,
            "inversions": self.inversions,
            "peak_rss_mb": max(megabytes for _, megabytes in self.memory),
        }


def warm_up(trial: Trial, *, load: Load, max_seconds: float) -> None:
    """Send some events first, so that connections, caches and conversations exist.

    Raises NotDone.
    """
    stored = trial.stored() + load.messages
    trial.fill(load)
    _wait(trial, stored=stored, max_seconds=max_seconds)


def run_backlog(trial: Trial, *, load: Load, max_seconds: float) -> Backlog:
    """Fill the queue while the subject is paused, resume it, and wait until it is done.

    Raises NotDone.
    """
    with trial.paused():
        trial.fill(load)
        before, begun_at = trial.counts(), time.time()
    memory = _wait(trial, stored=before.stored + load.messages, max_seconds=max_seconds)
    backlog = _measured(trial, before=before, begun_at=begun_at, memory=memory)
    if backlog.events != len(load):
        raise NotDone(f"{trial.stage.name}: {backlog.events} of {len(load)} events took effect")
    return backlog


def run_for(trial: Trial, *, load: Load, max_seconds: float) -> Backlog:
    """Measure a subject that started on a new stage, with the load on its queue.

    The measurement ends when all events have taken effect or the time is up; `events` of the result
    counts those that took effect. The costs include the start of the subject.
    """
    memory: list[Sample] = []
    with suppress(NotDone):
        _wait(trial, stored=load.messages, max_seconds=max_seconds, memory=memory)
    return _measured(trial, before=Counts(), begun_at=None, memory=memory)


def _measured(
    trial: Trial, *, before: Counts, begun_at: float | None, memory: Sequence[Sample]
) -> Backlog:
    """Return the measurement since `before`. Without `begun_at`, it begins at the first effect."""
    counts = trial.counts().since(before)
    writes = trial.writes(since=before.stored)
    stored = set(map(event_of, writes))
    return Backlog(
        events=len(stored) + counts.answers,
        seconds=writes[-1].at - (begun_at or writes[0].at),
        memory=memory,
        counts=counts,
        inversions=inversions(writes),
        repeated=len(writes) - len(stored),
    )


def _wait(
    trial: Trial, *, stored: int, max_seconds: float, memory: list[Sample] | None = None
) -> Sequence[Sample]:
    """Wait until `stored` messages are stored and the queue is empty. Return memory samples."""
    samples: list[Sample] = [] if memory is None else memory

    def sample() -> None:
        samples.append((trial.stored(), trial.resident_megabytes()))

    wait_until(
        lambda: trial.is_done(stored=stored), trial=trial, max_seconds=max_seconds, on_poll=sample
    )
    sample()
    return samples


def wait_until(
    is_done: Callable[[], bool],
    *,
    trial: Trial,
    max_seconds: float,
    on_poll: Callable[[], None] = lambda: None,
    poll_seconds: float = _POLL_SECONDS,
) -> None:
    """Wait until the trial is done. Raises NotDone, or ProcessError if the subject has ended."""
    deadline = time.monotonic() + max_seconds
    while not is_done():
        for process in trial.processes:
            process.check()
        on_poll()
        if time.monotonic() > deadline:
            raise NotDone(
                f"{trial.stage.name} was not done after {max_seconds:g} seconds: {trial.stored()}"
                f" messages are stored, {trial.stage.queue.size()} are on its queue"
            )
        time.sleep(poll_seconds)
