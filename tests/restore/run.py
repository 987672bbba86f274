"""Loads the service, restores PostgreSQL to a minute ago as the runbook says, and drains it."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rich.console import Console

from embedded.commands import print_with_time
from testbed.checker.reader import read_stores
from testbed.checker.stores import Stores
from testbed.traffic.events import SentEvent
from testbed.traffic.projects import insert_projects
from testbed.traffic.stream import Stream
from tests.chaos.draining import drain
from tests.chaos.load import Load
from tests.chaos.preparing import prepare_service
from tests.chaos.service_servers import TABLE, dynamodb_client
from tests.restore.answers import with_answers
from tests.restore.archives import archived_places, close_all, conversation_uuids
from tests.restore.operating import Findings, Service, doctor, reconcile
from tests.restore.servers import RestoreServers, running_servers

# How far back PostgreSQL is restored.
BACK = timedelta(minutes=1)
_SECONDS_AFTER = 10.0
_MAX_EVENTS = 10_000_000
_MAX_DRAIN_SECONDS = 240.0
_FAR_AWAY = timedelta(hours=12)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The seed and the rate of the load, and its seconds before PostgreSQL is restored."""

    seed: int
    rate: int
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    """A restore, with what the doctor found right after it.

    `before` and `restored` are the uuids of all conversations before and after it. `seconds` is how
    long the service was down.
    """

    restored_to: datetime
    stopped_at: datetime
    before: set[str]
    restored: set[str]
    found: Findings
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What was sent, the restore, and what is there at the end.

    `archived` are the sequence numbers of archived events, with how often each is archived.
    """

    sent: Sequence[SentEvent]
    restore: Restore
    conversations: set[str]
    archived: Mapping[int, int]
    stores: Stores
    found: Findings


def run_drill(options: Options, *, console: Console) -> Observed:
    """Run the drill. Raises ProcessError if a program fails."""

    def say(text: str) -> None:
        print_with_time(text, console=console)

    with running_servers() as servers:
        prepare_service(servers=servers)
        stream = Stream(seed=options.seed, start=datetime.now(UTC), rate=options.rate)
        _add_projects(stream, servers=servers)
        with Service(servers).running() as service:
            servers.database.back_up()
            say(f"PostgreSQL is backed up. Sending {options.rate} events a second.")
            load = Load(
                servers=servers,
                events=with_answers(stream),
                begun_at=time.monotonic(),
                max_events=_MAX_EVENTS,
            )
            with load.running():
                service.watch(seconds=options.seconds)
                restore = _restore(servers, service, say)
                service.watch(seconds=_SECONDS_AFTER)
            say(f"{len(load.sent):,} events are sent. Draining.")
            return _finish(load.sent, servers, service, restore=restore, say=say)


def _add_projects(stream: Stream, *, servers: RestoreServers) -> None:
    projects = [*stream.population.projects, stream.population.timed_project]
    closes_at = datetime.now(UTC) + _FAR_AWAY
    insert_projects(database_url=servers.database_url, closings=dict.fromkeys(projects, closes_at))


def _restore(servers: RestoreServers, service: Service, say: Say) -> Restore:
    """Do what the runbook says. The producers go on."""
    began = time.monotonic()
    service.stop()
    stopped_at = servers.database.now()
    restored_to = stopped_at - BACK
    before = conversation_uuids(servers.database_url)
    servers.database.stop()
    say("The worker, beat and PostgreSQL are stopped.")
    servers.database.restore(restored_to)
    restored = conversation_uuids(servers.database_url)
    say(f"PostgreSQL is restored to {restored_to:%H:%M:%S}.")
    found = doctor(servers, restored_to=restored_to)
    say("\n".join(("The doctor finds:", *problems(found))))
    say(f"Reconciling:\n{reconcile(servers, restored_to=restored_to).strip()}")
    service.start()
    seconds = time.monotonic() - began
    say(f"The worker and beat run again after {seconds:.0f} s.")
    return Restore(
        restored_to=restored_to,
        stopped_at=stopped_at,
        before=before,
        restored=restored,
        found=found,
        seconds=seconds,
    )


def _finish(
    sent: Sequence[SentEvent],
    servers: RestoreServers,
    service: Service,
    *,
    restore: Restore,
    say: Say,
) -> Observed:
    """Close all conversations, wait until nothing is left to do, and read the stores."""
    seconds = drain(servers=servers, fleet=service, max_seconds=_MAX_DRAIN_SECONDS)
    say(f"The queue is empty after {seconds:.0f} s. Closing all conversations.")
    close_all(servers.database_url)
    service.start_beat()
    seconds = drain(servers=servers, fleet=service, max_seconds=_MAX_DRAIN_SECONDS)
    say(f"All are closed and archived after {seconds:.0f} s.")
    found = doctor(servers, restored_to=restore.restored_to)
    service.stop()
    return Observed(
        sent=sent,
        restore=restore,
        conversations=conversation_uuids(servers.database_url),
        archived=archived_places(servers.database_url),
        stores=read_stores(
            database_url=servers.database_url,
            dynamodb=dynamodb_client(servers.dynamodb_url),
            table=TABLE,
            sqs=servers.sqs(),
            queue_url=servers.queue_url,
            dead_letter_queue_url=servers.dead_letter_queue_url,
            lake=servers.lake_folder,
        ),
        found=found,
    )


def problems(found: Findings) -> list[str]:
    """Return the findings that `conversations reconcile` restores, as lines."""
    return [
        f"{one['check']}: {one['found']}"
        for of_check in found.values()
        for one in of_check
        if one["status"] == "error"
    ]
