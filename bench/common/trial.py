"""A running subject: its processes, its stage, the events sent to it, and the stored messages."""

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench.common.chat import ChatEvent
from bench.common.costs import Counts
from bench.common.process_tree import cpu_seconds, resident_megabytes
from bench.common.servers import Stage
from embedded.processes import ManagedProcess, supervisor
from embedded.service import celery_command, is_ready, project_command, worker_arguments
from testbed.dynamodb.accounts import Write

PROCESSES = 2
_READY_SECONDS = 60.0
# The benchmark itself makes these calls while it measures. No subject makes them.
_NOT_COUNTED = ("GetQueueAttributes", "SendMessageBatch")
# BEGIN and COMMIT count as statements. PostgreSQL's own checks of foreign keys at the end of a
# transaction do not: no program sends them.
_STATEMENTS = """
SELECT coalesce(sum(calls), 0)
FROM pg_stat_statements JOIN pg_database ON pg_database.oid = dbid
WHERE datname = %s AND query NOT LIKE 'SELECT %% FROM ONLY %% FOR KEY SHARE OF x'
"""
_ANSWERS = "SELECT count(*) FROM analytics_surveyanswer"
_ARCHIVED = """
SELECT coalesce(sum(message_count), 0) FROM conversations_conversation
WHERE archived_at IS NOT NULL
"""

Encoder = Callable[[ChatEvent], ChatEvent]


def unchanged(event: ChatEvent) -> ChatEvent:
    """Return the event unchanged: its body is JSON already."""
    return event


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A subject: the commands of its processes, and the encoder of its events.

    `settings` are added to those of its stage.
    """

    name: str
    title: str
    commands: Sequence[Sequence[str | Path]]
    encoder: Callable[[], Encoder] = lambda: unchanged
    settings: Mapping[str, str] = field(default_factory=dict)


def service(*, processes: int = PROCESSES, **settings: str) -> Contender:
    """Return this service's worker with that many pool processes and these settings."""
    return Contender(
        name="service",
        title="this service",
        commands=[celery_command(*worker_arguments(concurrency=processes))],
        settings=settings,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A running subject on its stage."""

    contender: Contender
    stage: Stage
    processes: Sequence[ManagedProcess]

    def fill(self, events: Iterable[ChatEvent]) -> None:
        """Send events to the subject."""
        self.stage.queue.fill(map(self.contender.encoder(), events))

    def stored(self) -> int:
        """Return how many messages the subject has stored, repetitions included."""
        return self.stage.servers.dynamodb.count_writes(table=self.stage.table)

    def archived(self) -> int:
        """Return how many messages are in the archives of closed conversations."""
        return self.stage.servers.query_number(_ARCHIVED, database=self.stage.name)

    def writes(self, *, since: int) -> list[Write]:
        """Return the writes of messages after the first `since` writes."""
        return self.stage.servers.dynamodb.writes(table=self.stage.table)[since:]

    def is_done(self, *, stored: int) -> bool:
        """Whether at least `stored` messages are stored and the queue is empty."""
        return self.stored() >= stored and not self.stage.queue.size()

    def counts(self) -> Counts:
        """Return the counts so far, without the calls of the benchmark itself."""
        servers, name = self.stage.servers, self.stage.name
        usage = servers.dynamodb.usage(table=self.stage.table)
        calls = Counter(servers.sqs.call_counts())
        for action in _NOT_COUNTED:
            del calls[action]
        return Counts(
            answers=servers.query_number(_ANSWERS, database=name),
            stored=self.stored(),
            cpu_seconds=cpu_seconds(process.pid for process in self.processes),
            sqs=calls,
            dynamodb=Counter({action: used.calls for action, used in usage.items()}),
            write_units=sum(used.write_units for used in usage.values()),
            read_units=sum(used.read_units for used in usage.values()),
            sql=servers.query_number(_STATEMENTS, name),
        )

    def resident_megabytes(self) -> float:
        """Return the resident memory of the processes and their children."""
        return resident_megabytes(process.pid for process in self.processes)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the processes (SIGSTOP) while the block runs."""
        for process in self.processes:
            os.killpg(process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in self.processes:
                os.killpg(process.pid, signal.SIGCONT)


@contextmanager
def running_trial(
    contender: Contender, *, stage: Stage, before: Iterable[ChatEvent] = ()
) -> Iterator[Trial]:
    """Run the processes of a subject on a stage.

    The events of `before` are on its queue when it starts. Raises ProcessError if a process does
    not become ready.
    """
    stage.queue.fill(map(contender.encoder(), before))
    with supervisor() as supervised:
        processes = [
            supervised.start(
                command=project_command(
                    f"{stage.name}-{number}",
                    command,
                    environment={**stage.environment, **contender.settings},
                ),
                log=stage.servers.directory / f"{stage.name}-{number}.log",
            )
            for number, command in enumerate(contender.commands)
        ]
        for process in processes:
            process.wait_until_ready(
                is_ready=partial(is_ready, process), timeout_seconds=_READY_SECONDS
            )
        yield Trial(contender=contender, stage=stage, processes=processes)
