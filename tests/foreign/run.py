"""Runs the service on foreign servers under load and SIGKILLs, and checks the effects."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from testbed.checker.dead_letters import quarantined
from testbed.checker.report import Defect, count_kinds
from testbed.traffic.events import SentEvent
from testbed.traffic.stream import Stream
from tests.chaos.draining import drain
from tests.chaos.fleet import Fleet
from tests.chaos.load import Load
from tests.chaos.preparing import add_projects, prepare_service
from tests.chaos.service_servers import ServiceServers
from tests.foreign.result import ForeignRun
from tests.foreign.servers import Pair
from tests.foreign.target import running_target

_RATE = 40
_TICK_SECONDS = 0.1
_READY_SECONDS = 90.0
# These servers are slower than SQS. Anything that still waits after this time counts as stuck.
_MAX_LOAD_SECONDS = 600.0
_MAX_DRAIN_SECONDS = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of a run. `logs` is a folder that keeps the logs; without it they are deleted."""

    seed: int
    events: int
    kills: int
    logs: Path | None


def run_foreign(
    *, pair: Pair, pool_mode: str, options: Options
) -> tuple[ForeignRun, list[Defect], list[str]]:
    """Return the result of a run, its defects, and the processes that ended by themselves.

    Raise ProcessError if a server fails.
    """
    logs = options.logs / f"{pair.name}-{pool_mode}" if options.logs else None
    with running_target(pair=pair, pool_mode=pool_mode, logs=logs) as target:
        prepare_service(servers=target)
        fleet = Fleet(processes=target.processes, environment=target.environment, logs=target.logs)
        sent, drain_seconds = _strike_and_drain(target=target, fleet=fleet, options=options)
        stores, defects = target.find_defects(sent=sent)
    run = ForeignRun(
        sqs=pair.sqs,
        dynamodb=pair.dynamodb,
        pool_mode=pool_mode,
        events=len(sent),
        kills=sum(fleet.kills.values()),
        defects={
            **count_kinds(defects),
            "wrongly_quarantined": len(quarantined(sent=sent, stores=stores)),
            "ended_by_themselves": len(fleet.exits),
        },
        drain_seconds=round(drain_seconds, 1),
    )
    return run, defects, fleet.exits


def _strike_and_drain(
    *, target: ServiceServers, fleet: Fleet, options: Options
) -> tuple[list[SentEvent], float]:
    """Kill processes under load, then wait until nothing is left to do.

    Return the events that SQS has accepted, and the seconds of waiting.
    """
    fleet.start()
    fleet.wait_until_ready(max_seconds=_READY_SECONDS)
    begins = datetime.now(UTC)
    stream = Stream(seed=options.seed, start=begins, rate=_RATE)
    add_projects(
        servers=target,
        population=stream.population,
        begins=begins,
        closes_timed_at=begins + timedelta(seconds=0.6 * options.events / _RATE),
    )
    load = Load(
        servers=target,
        events=stream,
        begun_at=time.monotonic(),
        max_events=options.events,
    )
    with load.running():
        _kill_under_load(load=load, fleet=fleet, options=options)
    drain_seconds = drain(servers=target, fleet=fleet, max_seconds=_MAX_DRAIN_SECONDS)
    return load.sent, drain_seconds


def _kill_under_load(*, load: Load, fleet: Fleet, options: Options) -> None:
    """Kill workers and pool processes alternately, evenly spread over the events."""
    give_up_at = time.monotonic() + _MAX_LOAD_SECONDS
    planned = 0
    while time.monotonic() < give_up_at:
        sent = len(load.sent)
        if planned < options.kills and sent >= options.events * (planned + 1) / (options.kills + 1):
            kill = fleet.kill_pool_process if planned % 2 else fleet.kill_worker
            kill(options.seed + planned)
            planned += 1
        fleet.supervise()
        if sent >= options.events and sum(fleet.kills.values()) >= options.kills:
            return
        time.sleep(_TICK_SECONDS)
