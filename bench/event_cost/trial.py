"""A subject at work: where it runs, what it is sent, and what it has stored so far."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.common.chat import ChatEvent
from bench.event_cost.contenders import Contender, Running, running_contender
from bench.event_cost.stages import Servers, Stage
from testbed.dynamodb.accounts import Write


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A running subject on a stage of its own."""

    contender: Contender
    stage: Stage
    running: Running

    def fill(self, events: Iterable[ChatEvent]) -> None:
        """Put events on its queue."""
        self.stage.queue.fill(map(self.contender.encoder(), events))

    def stored(self) -> int:
        """How many messages it has stored, repeated ones included."""
        return self.stage.servers.dynamodb.count_writes(table=self.stage.table)

    def writes(self, *, since: int) -> list[Write]:
        """Them, without the first so many."""
        return self.stage.servers.dynamodb.writes(table=self.stage.table)[since:]

    def is_done(self, *, stored: int) -> bool:
        """Whether it has stored so many and its queue is empty."""
        return self.stored() >= stored and not self.stage.queue.size()


@contextmanager
def running_trial(
    contender: Contender, *, servers: Servers, name: str, before: Iterable[ChatEvent] = ()
) -> Iterator[Trial]:
    """The subject on a fresh stage of that name, ready to take events.

    The events of `before` are on its queue when it starts. Raises ProcessError.
    """
    with servers.stage(name) as stage:
        stage.queue.fill(map(contender.encoder(), before))
        with running_contender(contender, stage=stage) as running:
            yield Trial(contender=contender, stage=stage, running=running)
