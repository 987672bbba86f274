"""The backlog phase: a full queue, one subject, and what it took until all had taken effect.

An event has taken effect when the server of DynamoDB has stored its message, or when PostgreSQL
has its answer. Both are looked at from outside: no subject reports of itself.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from bench.common.chat import Load, event_of, inversions
from bench.common.command import BenchError
from bench.common.costs import NOTHING, Counts
from bench.common.trial import Trial

_POLL_SECONDS = 0.1

Sample = tuple[int, float]


class NotDone(BenchError):
    """Events had no effect in time, or something took effect that was not sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """`seconds` from the moment when the subject may begin to its last effect.

    `cpu_seconds` and `counts` are of the subject until its queue was empty. `memory` are samples:
    how many messages were stored by then, and the megabytes held. `repeated` messages were stored
    again.
    """

    events: int
    seconds: float
    cpu_seconds: float
    memory: Sequence[Sample]
    counts: Counts
    inversions: int
    repeated: int

    def costs(self) -> dict[str, Any]:
        """Return the fields of Costs: totals made into figures for one event."""
        events, counts = self.events, self.counts
        return {
            "events": events,
            "seconds": self.seconds,
            "events_per_second": events / self.seconds,
            "cpu_ms_per_event": self.cpu_seconds / events * 1_000,
            "sqs_calls_per_event": sum(counts.sqs.values()) / events,
            "dynamodb_calls_per_event": sum(counts.dynamodb.values()) / events,
            "write_units_per_event": counts.write_units / events,
            "sql_per_event": counts.sql / events,
            "inversions": self.inversions,
            "peak_rss_mb": max(megabytes for _, megabytes in self.memory),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Start:
    """How it stood when the subject could begin; without `at` it did at its first effect."""

    counts: Counts = NOTHING
    cpu_seconds: float = 0.0
    stored: int = 0
    answers: int = 0
    at: float | None = None

    @classmethod
    def now(cls, trial: Trial) -> "_Start":
        answers = trial.stage.answers()
        return cls(
            answers=answers,
            stored=trial.stored(),
            counts=trial.stage.counts(),
            cpu_seconds=trial.running.cpu_seconds(),
            at=time.time(),
        )


def warm_up(trial: Trial, *, load: Load, most_seconds: float) -> None:
    """Let it do some events, so that connections, caches and conversations are there.

    Raises NotDone.
    """
    stored = trial.stored() + load.messages
    trial.fill(load)
    _wait(trial, stored=stored, most_seconds=most_seconds)


def run_backlog(trial: Trial, *, load: Load, most_seconds: float) -> Backlog:
    """Fill the queue while the subject is paused, let it go on, and wait until all is done.

    Raises NotDone.
    """
    with trial.running.paused():
        trial.fill(load)
        start = _Start.now(trial)
    memory = _wait(trial, stored=start.stored + load.messages, most_seconds=most_seconds)
    backlog = _measured(trial, start=start, memory=memory)
    if backlog.events != len(load):
        raise NotDone(f"{trial.stage.name}: {backlog.events} of {len(load)} events took effect")
    return backlog


def run_for(trial: Trial, *, load: Load, most_seconds: float) -> Backlog:
    """See what becomes of a load that was on the queue of a fresh stage when the subject started.

    Until all is done or the time is up: `events` says how many took effect. What starting took is
    counted with it.
    """
    memory: list[Sample] = []
    with suppress(NotDone):
        _wait(trial, stored=load.messages, most_seconds=most_seconds, memory=memory)
    return _measured(trial, start=_Start(), memory=memory)


def _measured(trial: Trial, *, start: _Start, memory: Sequence[Sample]) -> Backlog:
    counts = trial.stage.counts().since(start.counts)
    cpu_seconds = trial.running.cpu_seconds() - start.cpu_seconds
    writes = trial.writes(since=start.stored)
    stored = set(map(event_of, writes))
    return Backlog(
        events=len(stored) + trial.stage.answers() - start.answers,
        seconds=writes[-1].at - (writes[0].at if start.at is None else start.at),
        cpu_seconds=cpu_seconds,
        memory=memory,
        counts=counts,
        inversions=inversions(writes),
        repeated=len(writes) - len(stored),
    )


def _wait(
    trial: Trial, *, stored: int, most_seconds: float, memory: list[Sample] | None = None
) -> Sequence[Sample]:
    """Wait until so many messages are stored and the queue is empty. Return samples of memory."""
    samples: list[Sample] = [] if memory is None else memory

    def sample() -> None:
        samples.append((trial.stored(), trial.running.resident_megabytes()))

    wait_until(
        lambda: trial.is_done(stored=stored), trial=trial, most_seconds=most_seconds, look=sample
    )
    sample()
    return samples


def wait_until(
    is_done: Callable[[], bool],
    *,
    trial: Trial,
    most_seconds: float,
    look: Callable[[], None] = lambda: None,
    poll_seconds: float = _POLL_SECONDS,
) -> None:
    """Look at a trial until it is done. Raise NotDone if time is up, ProcessError if it ended."""
    deadline = time.monotonic() + most_seconds
    while not is_done():
        trial.running.check()
        look()
        if time.monotonic() > deadline:
            raise NotDone(
                f"{trial.stage.name} was not done after {most_seconds:g} seconds: {trial.stored()}"
                f" messages are stored, {trial.stage.queue.size()} are on its queue"
            )
        time.sleep(poll_seconds)
