"""Choose the batch that the pool gets next, so that failing or slow groups do not delay others."""

from collections.abc import Callable, Sequence
from typing import Any

from celery_sqs_fifo.consuming.batch_size import choose_batch_size
from celery_sqs_fifo.consuming.charging import LOST
from celery_sqs_fifo.consuming.gate import Gate
from celery_sqs_fifo.consuming.runs import Run, Runs
from celery_sqs_fifo.consuming.suspects import SLOW_AFTER, Suspects
from celery_sqs_fifo.delivery import WAITING, Delivery, Outcome, Result
from celery_sqs_fifo.options import Options


class Dispatch:
    """Chooses batches from the gate, by what the pool is running and which groups are suspects.

    `room` returns how many more Celery messages the pool takes. `on_rested` is called when suspects
    may run again after a rest.
    """

    def __init__(
        self,
        *,
        options: Options,
        room: Callable[[], int],
        now: Callable[[], float],
        call_later: Callable[..., Any],
        on_rested: Callable[[], None],
    ) -> None:
        self._options = options
        self._room = room
        self._now = now
        self._call_later = call_later
        self._on_rested = on_rested
        self._suspects = Suspects(now=now)
        # Whether SQS most likely has more messages than were received.
        self.has_backlog = False
        self.gate = Gate(is_suspect=self._suspects.__contains__)
        self.runs = Runs(now=now)

    @property
    def has_room(self) -> bool:
        """Return whether the pool takes another batch."""
        return self._room() > 0

    @property
    def wants_more(self) -> bool:
        """Return whether more messages are needed: too few groups that are not suspects can run."""
        return self.gate.ready < self._room() + self._options.lookahead

    def next_batch(self) -> tuple[list[Delivery], bool]:
        """Take and return the next batch, and whether its group is a suspect.

        Suspects come first while they use less than their share. Otherwise the other groups could
        keep all processes busy. The batch is empty if no group may run.
        """
        options, room = self._options, self._room()
        if self.gate.suspects and self.runs.may_begin_suspect(processes=self._processes):
            batch = self.gate.take_suspect(
                max_events=options.batch_size, max_bytes=options.max_batch_bytes
            )
            return batch, True
        size = choose_batch_size(
            next_run=self.gate.next_run,
            ready_groups=self.gate.ready,
            runnable=self.gate.runnable,
            free_processes=room,
            limit=options.batch_size,
            shares=options.gather_for > 0 and not self.has_backlog,
        )
        return self.gate.take(max_events=size, max_bytes=options.max_batch_bytes), False

    def note_outcomes(self, run: Run, outcomes: Sequence[Outcome] | None) -> None:
        """Note how a run has ended, before its events are settled.

        None means that its process was lost. Which event of a batch is at fault is then unknown.
        """
        if outcomes is None:
            outcomes = [LOST] if len(run.batch) == 1 else [WAITING] * len(run.batch)
        changed = self._suspects.note_run(
            run.batch, outcomes, begun_at=run.begun_at, others_wait=self.gate.ready > 0
        )
        if changed:
            self.gate.sort_ready()
        has_failed = any(
            outcome.result not in (Result.DONE, Result.INVALID) for outcome in outcomes
        )
        if run.is_of_suspect and (has_failed or self._now() - run.begun_at >= SLOW_AFTER):
            rest = self.runs.rest_after(run, processes=self._processes)
            if rest > 0:
                self._call_later(rest, self._on_rested)

    def note_probe_succeeded(self) -> None:
        """Note that dependencies work again after an outage."""
        self._suspects.clear()
        self.gate.sort_ready()

    @property
    def _processes(self) -> int:
        return max(1, self._room() + len(self.runs))
