"""A run: servers, processes, load, faults, draining, and the check at the end."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from rich.console import Console

from testbed.checker.check import check
from testbed.checker.logs import check_logs
from testbed.checker.reader import read_stores
from testbed.checker.report import Defect
from testbed.traffic.stream import Stream
from tests.chaos.backlog import Backlog
from tests.chaos.counting import Observations, counted
from tests.chaos.draining import drain
from tests.chaos.fleet import Fleet
from tests.chaos.load import Load
from tests.chaos.options import Options
from tests.chaos.preparing import add_projects, prepare_service
from tests.chaos.result import ChaosRun
from tests.chaos.schedule import Schedule, make_schedule
from tests.chaos.servers import TABLE, Servers, running_servers
from tests.chaos.striker import Striker

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_TICK_SECONDS = 0.05
_READY_SECONDS = 60.0


def run_chaos(*, options: Options, command: str, console: Console) -> tuple[ChaosRun, list[Defect]]:
    """Return the result and the defects of a run. Raises ProcessError if a server fails."""
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
            dynamodb=_dynamodb(servers),
            table=TABLE,
            sqs=servers.sqs(),
            queue_url=servers.queue_url,
            dead_letter_queue_url=servers.dead_letter_queue_url,
            lake=servers.lake.folder,
        )
        defects = [
            *check(sent=observed.sent, stores=stores),
            *check_logs(sent=observed.sent, logs=_service_logs(servers.logs)),
        ]
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
) -> Observations:
    prepare_service(servers=servers)
    fleet.start()
    _wait_until_ready(fleet)
    begins = datetime.now(UTC)
    stream = Stream(seed=options.seed, start=begins, rate=options.rate)
    add_projects(
        servers=servers,
        population=stream.population,
        begins=begins,
        closes_timed_at=begins + timedelta(seconds=schedule.closes_timed_at),
    )
    striker = Striker(servers=servers, fleet=fleet)
    begun_at, begun_at_epoch = time.monotonic(), time.time()
    backlog = Backlog(sqs=servers.sqs(), queue_url=servers.queue_url, begun_at=begun_at)
    load = Load(
        servers=servers,
        events=stream,
        begun_at=begun_at,
        max_events=int(options.seconds * options.rate),
    )
    with backlog.watched():
        with load.running():
            try:
                _strike(schedule, striker, fleet=fleet, begun_at=begun_at, console=console)
            finally:
                # The producers end only when SQS has accepted their last events.
                striker.heal()
        console.print(f"{len(load.sent):,} events sent; draining", highlight=False)
        drain_seconds = drain(servers=servers, fleet=fleet, max_seconds=options.max_drain_seconds)
    return Observations(
        sent=load.sent,
        samples=backlog.samples,
        faults=striker.done,
        fleet=fleet,
        drain_seconds=drain_seconds,
        begun_at_epoch=begun_at_epoch,
    )


def _service_logs(folder: Path) -> dict[str, str]:
    """Return the logs of workers and beats, not those of the servers."""
    paths = [*folder.glob("worker*.log"), *folder.glob("*beat.log")]
    return {path.name: path.read_text(encoding="utf-8", errors="replace") for path in paths}


def _dynamodb(servers: Servers) -> "DynamoDBClient":
    return boto3.client(
        "dynamodb",
        region_name=servers.environment["DYNAMODB_REGION"],
        endpoint_url=servers.dynamodb.url,
        aws_access_key_id=servers.environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=servers.environment["AWS_SECRET_ACCESS_KEY"],
        config=Config(proxies={}),
    )


def _wait_until_ready(fleet: Fleet) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while not fleet.are_ready() and time.monotonic() < deadline:
        fleet.supervise()
        time.sleep(_TICK_SECONDS)


def _strike(
    schedule: Schedule, striker: Striker, *, fleet: Fleet, begun_at: float, console: Console
) -> None:
    """Carry out the schedule, until the end of the run."""
    due = list(reversed(schedule.actions))
    announced = list(reversed(schedule.episodes))
    while (now := time.monotonic() - begun_at) < schedule.seconds:
        while announced and announced[-1].begins <= now:
            episode = announced.pop()
            console.print(f"{episode.begins:6.1f} s  {episode.name}", highlight=False)
        while due and due[-1].at <= now:
            striker.strike(due.pop())
        fleet.supervise()
        time.sleep(_TICK_SECONDS)
