"""The observations of a run, and the result that is made of them."""

import os
import platform
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version

import psutil
import psycopg2

from bench.common.run import revision
from testbed.checker.report import Defect, count_kinds
from testbed.traffic.events import SentEvent
from tests.chaos.backlog import Drain, Sample, drains
from tests.chaos.fleet import CONCURRENCY, WORKERS, Fleet
from tests.chaos.latency import Interval, latency, timed_events
from tests.chaos.options import Options
from tests.chaos.postgres_faults import count_deadlocks
from tests.chaos.result import ChaosRun, Machine
from tests.chaos.schedule import Schedule
from tests.chaos.servers import Servers


@dataclass(slots=True, kw_only=True)
class Observations:
    """The observations of a run."""

    sent: list[SentEvent]
    samples: Sequence[Sample]
    faults: Counter[str]
    fleet: Fleet
    drain_seconds: float
    begun_at_epoch: float


def counted(
    *,
    options: Options,
    command: str,
    schedule: Schedule,
    servers: Servers,
    observed: Observations,
    defects: Sequence[Defect],
) -> ChaosRun:
    """Return the result of a run. Its servers must still be running."""
    drained = drains(episodes=schedule.episodes, samples=observed.samples, usual=options.rate)
    timed = timed_events(
        sends=servers.sqs_server.calls(action="SendMessageBatch"),
        deletes=servers.sqs_server.calls(action="DeleteMessageBatch"),
        message_ids={sent.message_id for sent in observed.sent},
    )
    troubled = _troubled(schedule, drained=drained, begun_at_epoch=observed.begun_at_epoch)
    fleet = observed.fleet
    kinds = Counter(type(sent.event.effect).__name__ for sent in observed.sent)
    return ChaosRun(
        command=command,
        seed=options.seed,
        commit=revision(),
        machine=_machine(servers),
        seconds=options.seconds,
        workers=WORKERS,
        concurrency=CONCURRENCY,
        groups=len({sent.event.group_id for sent in observed.sent}),
        events=len(observed.sent),
        kinds=dict(sorted(kinds.items())),
        kills=dict(fleet.kills),
        terminations=fleet.terminations,
        deadlocks=count_deadlocks(servers.logs / "postgres.log"),
        failed_starts=fleet.failed_starts,
        unexpected_exits=len(fleet.exits),
        defects=count_kinds(defects),
        faults=dict(sorted(observed.faults.items())),
        drains=drained,
        drain_seconds=round(observed.drain_seconds, 1),
        quiet=latency(timed, outside=troubled),
        overall=latency(timed),
    )


def _troubled(
    schedule: Schedule, *, drained: Sequence[Drain], begun_at_epoch: float
) -> list[Interval]:
    """Return the intervals from the beginning of each fault until its backlog was drained."""
    return [
        (
            begun_at_epoch + episode.begins,
            begun_at_epoch + episode.ends + drain.seconds
            if drain.seconds is not None
            else float("inf"),
        )
        for episode, drain in zip(schedule.episodes, drained, strict=True)
    ]


def _machine(servers: Servers) -> Machine:
    with closing(psycopg2.connect(servers.database_url)) as connection:
        number = connection.server_version
    return Machine(
        cores=os.cpu_count() or 0,
        memory_gigabytes=psutil.virtual_memory().total / 1e9,
        python=platform.python_version(),
        postgresql=f"{number // 10_000}.{number % 10_000}",
        celery=version("celery"),
    )
