"""All faults, with their lengths in a run of ten minutes."""

from dataclasses import dataclass
from enum import StrEnum


class Strike(StrEnum):
    """A strike, which `tests.chaos.striker` carries out."""

    KILL_POOL_PROCESS = "kill pool process"
    KILL_WORKER = "kill worker"
    KILL_ALL_WORKERS = "kill all workers"
    FREEZE_WORKER = "freeze worker"
    THAW_WORKER = "thaw worker"
    TERMINATE_WORKER = "terminate worker"
    CLOCK_AHEAD = "clock ahead"
    CLOCK_BEHIND = "clock behind"
    CLOCK_RIGHT = "clock right"
    KILL_BEAT = "kill beat"
    START_SECOND_BEAT = "start second beat"
    STOP_SECOND_BEAT = "stop second beat"
    SQS_DROPS = "SQS drops"
    SQS_LOSES_ANSWERS = "SQS loses answers"
    SQS_HANGS = "SQS hangs"
    SQS_FAILS = "SQS fails"
    SQS_THROTTLES = "SQS throttles"
    SQS_REFUSES = "SQS refuses"
    SQS_DELIVERS_TWICE = "SQS delivers twice"
    SQS_ENDS_LEASES = "SQS ends leases"
    DYNAMODB_THROTTLES = "DynamoDB throttles"
    DYNAMODB_LEAVES_UNPROCESSED = "DynamoDB leaves unprocessed"
    DYNAMODB_FAILS = "DynamoDB fails"
    DYNAMODB_HANGS = "DynamoDB hangs"
    DYNAMODB_DROPS = "DynamoDB drops"
    DYNAMODB_LOSES_ANSWERS = "DynamoDB loses answers"
    DYNAMODB_IS_SLOW = "DynamoDB is slow"
    STOP_POSTGRESQL = "stop PostgreSQL"
    CRASH_POSTGRESQL = "crash PostgreSQL"
    START_POSTGRESQL = "start PostgreSQL"
    CUT_CONNECTIONS = "cut connections"
    LOCK_ROWS = "lock rows"
    LAKE_DOWN = "lake down"
    LAKE_UP = "lake up"
    STOP_CONTROL_BROKER = "stop control broker"
    FREEZE_CONTROL_BROKER = "freeze control broker"
    START_CONTROL_BROKER = "start control broker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault: `times` strikes, spread evenly over `seconds`, and `ends_with` at the end.

    Without `ends_with`, a strike with a length ends by itself. If it `keeps_its_length`, the fault
    is not shortened in short runs.
    """

    name: str
    seconds: float
    strike: Strike
    times: int = 1
    ends_with: Strike | None = None
    keeps_its_length: bool = False


# Longer than a lease.
_FROZEN_SECONDS = 15.0
LONG_OUTAGE_SECONDS = 60.0

POOL_PROCESS_KILLS = Fault(
    name="pool processes killed", seconds=25, strike=Strike.KILL_POOL_PROCESS, times=100
)
WORKER_KILLS = Fault(name="workers killed", seconds=36, strike=Strike.KILL_WORKER, times=12)
LONG_OUTAGE = Fault(
    name="PostgreSQL is down",
    seconds=LONG_OUTAGE_SECONDS,
    strike=Strike.STOP_POSTGRESQL,
    ends_with=Strike.START_POSTGRESQL,
)
CLOCK_AHEAD = Fault(
    name="a worker's clock 5 minutes ahead",
    seconds=20,
    strike=Strike.CLOCK_AHEAD,
    ends_with=Strike.CLOCK_RIGHT,
    keeps_its_length=True,
)

FAULTS = (
    POOL_PROCESS_KILLS,
    WORKER_KILLS,
    Fault(name="all workers killed", seconds=25, strike=Strike.KILL_ALL_WORKERS, times=5),
    Fault(
        name="a worker frozen past its lease",
        seconds=_FROZEN_SECONDS,
        strike=Strike.FREEZE_WORKER,
        ends_with=Strike.THAW_WORKER,
        keeps_its_length=True,
    ),
    Fault(name="rolling restarts", seconds=16, strike=Strike.TERMINATE_WORKER, times=6),
    CLOCK_AHEAD,
    Fault(
        name="a worker's clock 5 minutes behind",
        seconds=16,
        strike=Strike.CLOCK_BEHIND,
        ends_with=Strike.CLOCK_RIGHT,
        keeps_its_length=True,
    ),
    Fault(name="beat killed", seconds=6, strike=Strike.KILL_BEAT, times=2),
    Fault(
        name="two beats",
        seconds=12,
        strike=Strike.START_SECOND_BEAT,
        ends_with=Strike.STOP_SECOND_BEAT,
    ),
    Fault(name="SQS drops connections", seconds=8, strike=Strike.SQS_DROPS),
    Fault(name="SQS loses its answers", seconds=8, strike=Strike.SQS_LOSES_ANSWERS),
    Fault(name="SQS hangs", seconds=8, strike=Strike.SQS_HANGS),
    Fault(name="SQS answers 500", seconds=8, strike=Strike.SQS_FAILS),
    Fault(name="SQS throttles", seconds=8, strike=Strike.SQS_THROTTLES),
    Fault(name="SQS refuses connections", seconds=6, strike=Strike.SQS_REFUSES),
    Fault(name="SQS delivers twice", seconds=8, strike=Strike.SQS_DELIVERS_TWICE, times=16),
    Fault(name="leases end during the work", seconds=8, strike=Strike.SQS_ENDS_LEASES, times=16),
    Fault(
        name="DynamoDB throttles half of all calls", seconds=10, strike=Strike.DYNAMODB_THROTTLES
    ),
    Fault(
        name="DynamoDB leaves items unprocessed",
        seconds=8,
        strike=Strike.DYNAMODB_LEAVES_UNPROCESSED,
    ),
    Fault(name="DynamoDB answers 500", seconds=8, strike=Strike.DYNAMODB_FAILS),
    Fault(name="DynamoDB hangs", seconds=8, strike=Strike.DYNAMODB_HANGS),
    Fault(name="DynamoDB drops connections", seconds=8, strike=Strike.DYNAMODB_DROPS),
    Fault(name="DynamoDB loses its answers", seconds=8, strike=Strike.DYNAMODB_LOSES_ANSWERS),
    Fault(name="DynamoDB is slow", seconds=10, strike=Strike.DYNAMODB_IS_SLOW),
    LONG_OUTAGE,
    Fault(
        name="PostgreSQL crashes",
        seconds=2,
        strike=Strike.CRASH_POSTGRESQL,
        ends_with=Strike.START_POSTGRESQL,
    ),
    Fault(name="PostgreSQL cuts connections", seconds=8, strike=Strike.CUT_CONNECTIONS, times=8),
    Fault(name="deadlocks in PostgreSQL", seconds=10, strike=Strike.LOCK_ROWS),
    Fault(
        name="the data lake is down",
        seconds=12,
        strike=Strike.LAKE_DOWN,
        ends_with=Strike.LAKE_UP,
    ),
    Fault(
        name="the control broker is down",
        seconds=6,
        strike=Strike.STOP_CONTROL_BROKER,
        ends_with=Strike.START_CONTROL_BROKER,
    ),
    Fault(
        name="the control broker is frozen",
        seconds=6,
        strike=Strike.FREEZE_CONTROL_BROKER,
        ends_with=Strike.START_CONTROL_BROKER,
    ),
)
