"""Turns the observations of a run into its result."""

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import psycopg2

from testbed.checker.report import Defect, count_kinds
from testbed.traffic.events import SentEvent, Trait
from tests.chaos.backlog import Drain, Sample, drains
from tests.chaos.faults.sessions import count_deadlocks
from tests.chaos.fleet import CONCURRENCY, WORKERS, Fleet
from tests.chaos.latency import Interval, latency, timed_events
from tests.chaos.meanwhile import ticked_under_lag, waits
from tests.chaos.options import Options
from tests.chaos.recovery import recoveries
from tests.chaos.result import ChaosRun
from tests.chaos.schedule import Schedule
from tests.chaos.servers import Servers


@dataclass(slots=True, kw_only=True)
class Observations:
    """The observations that were made during a run."""

    sent: list[SentEvent]
    not_reopened: int
    samples: Sequence[Sample]
    projects: Sequence[str]
    faults: Counter[str]
    fleet: Fleet
    drain_seconds: float
    begun_at_epoch: float


def counted(
    *,
    options: Options,
    schedule: Schedule,
    servers: Servers,
    observed: Observations,
    defects: Sequence[Defect],
) -> ChaosRun:
    """Return the result of a run. Its servers must still be running."""
    drained = drains(episodes=schedule.episodes, samples=observed.samples, usual=options.rate)
    sends = servers.sqs_server.calls(action="SendMessageBatch")
    deletes = servers.sqs_server.calls(action="DeleteMessageBatch")
    # The others waited until the service had started.
    during = {sent.message_id for sent in observed.sent if sent.event.at > 0}
    timed = timed_events(sends=sends, deletes=deletes, message_ids=during)
    new = {
        project: timed_events(
            sends=sends,
            deletes=deletes,
            message_ids={
                one.message_id
                for one in observed.sent
                if one.event.contact.trait is Trait.NEW and one.event.contact.project == project
            },
        )
        for project in observed.projects
    }
    troubled = _troubled(schedule, drained=drained, begun_at_epoch=observed.begun_at_epoch)
    fleet = observed.fleet
    kinds = Counter(sent.event.name for sent in observed.sent)
    return ChaosRun(
        seed=options.seed,
        postgresql=_postgresql_version(servers),
        seconds=options.seconds,
        rate=options.rate,
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
        lanes=schedule.lanes,
        drains=drained,
        recoveries=recoveries(
            episodes=schedule.episodes,
            events=[event for events in new.values() for event in events],
            begun_at=observed.begun_at_epoch,
        ),
        waits=waits(
            schedule=schedule,
            events=new,
            projects=observed.projects,
            drains=drained,
            samples=observed.samples,
            usual=options.rate,
            begun_at=observed.begun_at_epoch,
        ),
        ticked_under_lag=ticked_under_lag(
            episodes=schedule.episodes,
            samples=observed.samples,
            drains=drained,
            usual=options.rate,
        ),
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


def _postgresql_version(servers: Servers) -> str:
    with closing(psycopg2.connect(servers.database_url)) as connection:
        number = connection.server_version
    return f"{number // 10_000}.{number % 10_000}"
