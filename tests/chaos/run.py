"""One run: servers, processes, load, faults, draining, and the check at the end."""

import time
from datetime import UTC, datetime, timedelta

from rich.console import Console

from tests.chaos.backlog import Backlog
from tests.chaos.checker import check
from tests.chaos.counting import Observed, counted
from tests.chaos.defects import Defects
from tests.chaos.draining import drain
from tests.chaos.fleet import Fleet
from tests.chaos.generator import Generator
from tests.chaos.load import Load
from tests.chaos.options import Options
from tests.chaos.preparing import add_projects, prepare_service
from tests.chaos.result import ChaosRun
from tests.chaos.schedule import Schedule, make_schedule
from tests.chaos.servers import TABLE, Servers, running_servers
from tests.chaos.stores import read_stores
from tests.chaos.striker import Striker

_TICK_SECONDS = 0.05
_READY_SECONDS = 60.0


def run_chaos(*, options: Options, command: str, console: Console) -> tuple[ChaosRun, Defects]:
    """Raises ProcessError if a server does not start."""
    schedule = make_schedule(seed=options.seed, seconds=options.seconds)
    with running_servers(logs=options.logs) as servers:
        fleet = Fleet(
            processes=servers.processes, environment=servers.environment, logs=servers.logs
        )
        observed = _observe(
            options=options, schedule=schedule, servers=servers, fleet=fleet, console=console
        )
        stores = read_stores(
            database_url=servers.database_url,
            items=servers.dynamodb.items(table=TABLE),
            sqs=servers.sqs(),
            queue_url=servers.queue_url,
            dead_letter_queue_url=servers.dead_letter_queue_url,
            lake=servers.lake.folder,
        )
        defects = check(sent=observed.sent, stores=stores)
        run = counted(
            options=options,
            command=command,
            schedule=schedule,
            servers=servers,
            observed=observed,
            defects=defects,
        )
        for ended in fleet.exits:
            console.print(ended, style="red", markup=False, highlight=False, soft_wrap=True)
    return run, defects


def _observe(
    *,
    options: Options,
    schedule: Schedule,
    servers: Servers,
    fleet: Fleet,
    console: Console,
) -> Observed:
    prepare_service(servers=servers)
    fleet.start()
    _wait_until_ready(fleet)
    begins = datetime.now(UTC)
    generator = Generator(seed=options.seed, start=begins, rate=options.rate)
    add_projects(
        servers=servers,
        cast=generator.cast,
        begins=begins,
        closes_timed_at=begins + timedelta(seconds=schedule.closes_timed_at),
    )
    striker = Striker(servers=servers, fleet=fleet)
    begun_at, begun_at_epoch = time.monotonic(), time.time()
    backlog = Backlog(sqs=servers.sqs(), queue_url=servers.queue_url, begun_at=begun_at)
    load = Load(
        servers=servers,
        events=generator,
        begun_at=begun_at,
        most=int(options.seconds * options.rate),
    )
    with backlog.watched():
        with load.running():
            try:
                _strike(schedule, striker, fleet=fleet, begun_at=begun_at, console=console)
            finally:
                # The producers end only when their last events are taken.
                striker.heal()
        console.print(f"{len(load.sent):,} events sent; draining", highlight=False)
        drain_seconds = drain(servers=servers, fleet=fleet, most_seconds=options.most_drain_seconds)
    return Observed(
        sent=load.sent,
        message_ids=load.message_ids,
        samples=backlog.samples,
        faults=striker.done,
        fleet=fleet,
        drain_seconds=drain_seconds,
        begun_at_epoch=begun_at_epoch,
    )


def _wait_until_ready(fleet: Fleet) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while not fleet.are_ready() and time.monotonic() < deadline:
        fleet.look_after()
        time.sleep(_TICK_SECONDS)


def _strike(
    schedule: Schedule, striker: Striker, *, fleet: Fleet, begun_at: float, console: Console
) -> None:
    """To the end of the run, also when the last fault is over."""
    due = list(reversed(schedule.actions))
    announced = list(reversed(schedule.episodes))
    while (now := time.monotonic() - begun_at) < schedule.seconds:
        while announced and announced[-1].begins <= now:
            episode = announced.pop()
            console.print(f"{episode.begins:6.1f} s  {episode.name}", highlight=False)
        while due and due[-1].at <= now:
            striker.strike(due.pop())
        fleet.look_after()
        time.sleep(_TICK_SECONDS)
