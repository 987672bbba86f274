"""Runs the service under load and faults, drains it, and checks the effects at the end."""

import time
from collections import Counter
from datetime import UTC, datetime, timedelta

from rich.console import Console

from embedded.service import QUEUE
from testbed.checker.report import Defect, Kind
from testbed.traffic.effects import MAX_SECONDS_APART
from testbed.traffic.redriving import earlier_events
from testbed.traffic.stream import Stream
from tests.chaos.backlog import Backlog
from tests.chaos.counting import Observations, counted
from tests.chaos.draining import drain
from tests.chaos.faults.fault import Target
from tests.chaos.faults.sessions import Sessions
from tests.chaos.fleet import Fleet
from tests.chaos.load import Load
from tests.chaos.operating import redriving, reopening
from tests.chaos.options import Options
from tests.chaos.preparing import add_projects, prepare_service
from tests.chaos.result import ChaosRun
from tests.chaos.schedule import Schedule, make_schedule
from tests.chaos.servers import Servers, running_servers

_TICK_SECONDS = 0.05
_READY_SECONDS = 60.0
_REDRIVEN_CONTACTS = 10
_REOPENED_CONTACTS = 3


def run_chaos(*, options: Options, console: Console) -> tuple[ChaosRun, list[Defect]]:
    """Return the result and the defects of a run. Raises ProcessError if a server fails."""
    schedule = make_schedule(seed=options.seed, seconds=options.seconds)
    with running_servers(logs=options.logs) as servers:
        fleet = Fleet(
            processes=servers.processes, environment=servers.environment, logs=servers.logs
        )
        observed = _observe(
            options=options, schedule=schedule, servers=servers, fleet=fleet, console=console
        )
        _, defects = servers.find_defects(sent=observed.sent)
        if observed.not_reopened:
            what = f"requests to reopen a conversation: {observed.not_reopened}"
            defects = [*defects, Defect(Kind.STUCK, what)]
        run = counted(
            options=options,
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
    stream = Stream(
        seed=options.seed,
        start=datetime.now(UTC),
        rate=options.rate,
        redriven=_REDRIVEN_CONTACTS,
        reopened=_REOPENED_CONTACTS,
    )
    servers.sqs_server.separate_clocks(queue=QUEUE, seconds=MAX_SECONDS_APART)
    with earlier_events(
        stream.earlier,
        sqs=servers.sqs(),
        queue_url=servers.queue_url,
        dead_letter_queue_url=servers.dead_letter_queue_url,
    ) as earlier:
        fleet.start()
        fleet.wait_until_ready(max_seconds=_READY_SECONDS)
        begins = datetime.now(UTC)
        add_projects(
            servers=servers,
            population=stream.population,
            begins=begins,
            closes_timed_at=begins + timedelta(seconds=schedule.closes_timed_at),
        )
    target = Target(
        servers=servers,
        fleet=fleet,
        sessions=Sessions(servers.database_url),
        projects=[project.uuid for project in stream.population.projects],
    )
    begun_at, begun_at_epoch = time.monotonic(), time.time()
    backlog = Backlog(servers=servers, fleet=fleet, begun_at=begun_at)
    load = Load(
        servers=servers,
        events=stream,
        begun_at=begun_at,
        max_events=int(options.seconds * options.rate),
    )
    with backlog.watched():
        with (
            load.running(),
            redriving(servers.database_url),
            reopening(servers=servers, events=stream.after_reopening) as after_reopening,
        ):
            try:
                faults = _strike(schedule, target, begun_at=begun_at, console=console)
            finally:
                # The producers end only when SQS has accepted their last events.
                target.heal()
        console.print(f"{len(load.sent):,} events sent; draining", highlight=False)
        drain_seconds = drain(servers=servers, fleet=fleet, max_seconds=options.max_drain_seconds)
    return Observations(
        sent=[*earlier, *load.sent, *after_reopening],
        not_reopened=len(stream.after_reopening) - len(after_reopening),
        samples=backlog.samples,
        projects=target.projects,
        faults=faults,
        fleet=fleet,
        drain_seconds=drain_seconds,
        begun_at_epoch=begun_at_epoch,
    )


def _strike(
    schedule: Schedule, target: Target, *, begun_at: float, console: Console
) -> Counter[str]:
    """Carry out the schedule until the end of the run. Return the number of strikes by fault."""
    struck: Counter[str] = Counter()
    due = list(reversed(schedule.actions))
    announced = list(reversed(schedule.episodes))
    while (now := time.monotonic() - begun_at) < schedule.seconds:
        while announced and announced[-1].begins <= now:
            episode = announced.pop()
            console.print(f"{episode.begins:6.1f} s  {episode.name}", highlight=False)
        while due and due[-1].at <= now:
            action = due.pop()
            action.strike(target, action.hit)
            struck[action.fault] += not action.is_end
        target.fleet.supervise()
        time.sleep(_TICK_SECONDS)
    return struck
