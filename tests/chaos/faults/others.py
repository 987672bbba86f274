"""Faults of PostgreSQL, the data lake, the control broker and STS."""

from testbed.database_changes import MISSING_FUNCTION, MISSING_TABLE, READ_ONLY
from tests.chaos.faults.fault import Concern, Fault

# An event that fails because of a bug runs for the sixth and last time after 15.5 seconds.
_LONGER_THAN_RERUNS = 20.0
LONG_OUTAGE = Fault(
    name="PostgreSQL is down",
    seconds=60,
    strike=lambda target, _hit: target.servers.postgres.stop(),
    ends_with=lambda target, _hit: target.servers.postgres.start(),
    rest=10,
)

PROJECT_LOCKED = Fault(
    name="a project's row is locked",
    seconds=15,
    strike=lambda target, hit: target.sessions.lock_project(
        target.project(hit.choice), seconds=hit.seconds
    ),
    concerns=Concern.ONE_PROJECT,
)

POSTGRESQL_FAULTS = (
    LONG_OUTAGE,
    PROJECT_LOCKED,
    Fault(
        name="PostgreSQL crashes",
        seconds=2,
        strike=lambda target, _hit: target.servers.postgres.crash(),
        ends_with=lambda target, _hit: target.servers.postgres.start(),
    ),
    Fault(
        name="PostgreSQL cuts connections",
        seconds=8,
        strike=lambda target, _hit: target.sessions.cut_connections(),
        times=8,
    ),
    Fault(
        name="deadlocks in PostgreSQL",
        seconds=10,
        strike=lambda target, hit: target.sessions.fight(seconds=hit.seconds),
    ),
    Fault(
        name="PostgreSQL is read-only after a failover",
        seconds=_LONGER_THAN_RERUNS,
        strike=lambda target, hit: target.sessions.change(READ_ONLY, seconds=hit.seconds),
        keeps_its_length=True,
    ),
    Fault(
        name="a table is missing during a deployment",
        seconds=_LONGER_THAN_RERUNS,
        strike=lambda target, hit: target.sessions.change(MISSING_TABLE, seconds=hit.seconds),
    ),
    Fault(
        name="the function is missing during a deployment",
        seconds=10,
        strike=lambda target, hit: target.sessions.change(MISSING_FUNCTION, seconds=hit.seconds),
    ),
    # Open connections stay open but never transfer data again. New connections work.
    Fault(
        name="connections to PostgreSQL go silent",
        seconds=2,
        strike=lambda target, _hit: target.servers.proxies.postgres.lose_connections(),
        rest=25,
    ),
)

OTHER_FAULTS = (
    Fault(
        name="the data lake is down",
        seconds=12,
        strike=lambda target, _hit: target.servers.lake.take_down(),
        ends_with=lambda target, _hit: target.servers.lake.bring_up(),
        concerns=Concern.NO_EVENT,
    ),
    Fault(
        name="the control broker is down",
        seconds=6,
        strike=lambda target, _hit: target.servers.valkey.stop(),
        ends_with=lambda target, _hit: target.servers.valkey.start(),
        concerns=Concern.NO_EVENT,
    ),
    Fault(
        name="the control broker is frozen",
        seconds=6,
        strike=lambda target, _hit: target.servers.valkey.freeze(),
        ends_with=lambda target, _hit: target.servers.valkey.start(),
        concerns=Concern.NO_EVENT,
    ),
    Fault(
        name="connections to the control broker go silent",
        seconds=2,
        strike=lambda target, _hit: target.servers.proxies.control.lose_connections(),
        rest=10,
        concerns=Concern.NO_EVENT,
    ),
    # Longer than the time after which every process wants new credentials.
    Fault(
        name="STS hangs",
        seconds=20,
        strike=lambda target, _hit: target.servers.sts.hang(),
        ends_with=lambda target, _hit: target.servers.sts.answer(),
        keeps_its_length=True,
        concerns=Concern.NO_EVENT,
    ),
)
