"""Faults of the service's processes."""

from tests.chaos.faults.fault import Concern, Fault

# Longer than a lease.
_FROZEN_SECONDS = 15.0
_CLOCK_SHIFT_SECONDS = 300
# Longer than five minutes, after which ticks are stale. Shorter than the lifetime of credentials.
_LAG_SECONDS = 400
# Longer than a run waits for beat at its end. Shorter than the lifetime of credentials.
_BEAT_SHIFT_SECONDS = 720

POOL_PROCESS_KILLS = Fault(
    name="pool processes killed",
    seconds=25,
    strike=lambda target, hit: target.fleet.kill_pool_process(hit.choice),
    times=100,
)
WORKER_KILLS = Fault(
    name="workers killed",
    seconds=36,
    strike=lambda target, hit: target.fleet.kill_worker(hit.choice),
    times=12,
    rest=8,
)
ALL_WORKERS_KILLS = Fault(
    name="all workers killed",
    seconds=25,
    strike=lambda target, _hit: target.fleet.kill_all_workers(),
    times=5,
    rest=8,
)
CLOCK_AHEAD = Fault(
    name="a worker's clock 5 minutes ahead",
    seconds=15,
    strike=lambda target, hit: target.fleet.shift_clock(hit.choice, seconds=_CLOCK_SHIFT_SECONDS),
    ends_with=lambda target, hit: target.fleet.shift_clock(hit.choice, seconds=0),
    keeps_its_length=True,
)

LAG = Fault(
    name="every message appears older than five minutes",
    seconds=25,
    strike=lambda target, _hit: target.fleet.shift_all_clocks(seconds=_LAG_SECONDS),
    ends_with=lambda target, _hit: target.fleet.shift_all_clocks(seconds=0),
    keeps_its_length=True,
    rest=8,
)

PROCESS_FAULTS = (
    POOL_PROCESS_KILLS,
    WORKER_KILLS,
    ALL_WORKERS_KILLS,
    Fault(
        name="a worker frozen past its lease",
        seconds=_FROZEN_SECONDS,
        strike=lambda target, hit: target.fleet.freeze_worker(hit.choice),
        ends_with=lambda target, hit: target.fleet.thaw_worker(hit.choice),
        keeps_its_length=True,
    ),
    Fault(
        name="rolling restarts",
        seconds=16,
        strike=lambda target, hit: target.fleet.terminate_worker(hit.choice),
        times=6,
    ),
    CLOCK_AHEAD,
    LAG,
    Fault(
        name="a worker's clock 5 minutes behind",
        seconds=12,
        strike=lambda target, hit: target.fleet.shift_clock(
            hit.choice, seconds=-_CLOCK_SHIFT_SECONDS
        ),
        ends_with=lambda target, hit: target.fleet.shift_clock(hit.choice, seconds=0),
        keeps_its_length=True,
    ),
    Fault(
        name="beat killed",
        seconds=6,
        strike=lambda target, _hit: target.fleet.kill_beat(),
        times=2,
        concerns=Concern.NO_EVENT,
    ),
    Fault(
        name="two beats",
        seconds=12,
        strike=lambda target, _hit: target.fleet.start_second_beat(),
        ends_with=lambda target, _hit: target.fleet.stop_second_beats(),
        keeps_its_length=True,
        concerns=Concern.NO_EVENT,
    ),
    Fault(
        name="beat's clock 12 minutes ahead",
        seconds=12,
        strike=lambda target, _hit: target.fleet.shift_beat(seconds=_BEAT_SHIFT_SECONDS),
        ends_with=lambda target, _hit: target.fleet.shift_beat(seconds=0),
        keeps_its_length=True,
        concerns=Concern.NO_EVENT,
    ),
    Fault(
        name="metrics folder removed",
        seconds=6,
        strike=lambda target, hit: target.fleet.remove_metrics(hit.choice),
        times=2,
        concerns=Concern.NO_EVENT,
    ),
)
