"""The schedule of faults, the same for the same seed and length."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil

from tests.chaos.faults.catalogue import FAULTS, GROUPS
from tests.chaos.faults.fault import Fault, Hit, Strike
from tests.chaos.faults.others import LONG_OUTAGE
from tests.chaos.faults.processes import CLOCK_AHEAD, POOL_PROCESS_KILLS, WORKER_KILLS

MIXED = "everything at once"
# The phases of a run, as shares of its length: without faults, with single faults, and with all
# faults at once.
_QUIET_SHARE = 0.02
_MIX_BEGINS_SHARE = 0.88
_MIX_ENDS_SHARE = 0.985
_MIN_GAP_SECONDS = 1.0
_MAX_GAP_SECONDS = 6.0
# The catalogue states the lengths of faults for a run of this length.
_FULL_SECONDS = 900.0
# In a shorter run, faults happen at the same time.
_MIN_ALONE_SECONDS = 780.0
_MIN_SECONDS = 3.0
# The pause before the last phase, so that it does not delay the recovery from a single fault.
_PAUSE_SECONDS = 60.0
# The intervals between actions in the last phase, in which everything happens at once.
_SECONDS_BETWEEN_POOL_KILLS = 0.6
_SECONDS_BETWEEN_WORKER_KILLS = 2.6
_SECONDS_BETWEEN_FAULTS = 5.0
_LONGEST_IN_MIX_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A strike, `at` seconds after the beginning."""

    at: float
    strike: Strike
    hit: Hit
    fault: str
    is_end: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """The time of a fault from beginning to end, or of the phase with all faults at once."""

    name: str
    begins: float
    ends: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The actions and episodes of a run, in the order of time.

    `lanes` is the number of faults that may happen at the same time before all do.
    """

    seconds: float
    lanes: int
    actions: list[Action]
    episodes: list[Episode]

    @property
    def closes_timed_at(self) -> float:
        """When conversations close by time. The clock of a worker is ahead at that time."""
        return next(one.ends for one in self.episodes if one.name == CLOCK_AHEAD.name)


def make_schedule(*, seed: int, seconds: float) -> Schedule:
    """Return a schedule with every fault.

    In a run of 13 minutes or more, each happens alone. In a shorter run, several happen at the
    same time.
    """
    chance = random.Random(f"schedule {seed}")  # noqa: S311 (repeatable, not secret)
    faults = [_scaled(fault, seconds=seconds) for fault in _in_order(chance, seconds=seconds)]
    mixed_from, mixed_until = seconds * _MIX_BEGINS_SHARE, seconds * _MIX_ENDS_SHARE
    pause = _PAUSE_SECONDS * _factor(seconds)
    lanes, episodes = _in_lanes(faults, begins=seconds * _QUIET_SHARE, ends=mixed_from - pause)
    actions = [
        action
        for fault, episode in zip(faults, episodes, strict=True)
        for action in _actions(fault, at=episode.begins, chance=chance)
    ]
    actions += _mixed(begins=mixed_from, ends=mixed_until, chance=chance)
    episodes.append(Episode(name=MIXED, begins=mixed_from, ends=mixed_until))
    return Schedule(
        seconds=seconds,
        lanes=lanes,
        actions=sorted(actions, key=lambda action: action.at),
        episodes=sorted(episodes, key=lambda episode: episode.begins),
    )


def _in_order(chance: random.Random, *, seconds: float) -> list[Fault]:
    """Return all faults in random order.

    In a short run, faults that are not shortened come first, and faults of the same server follow
    each other, so that the rest of the run is free of them. In a long run, the longest fault comes
    first, so that it does not delay the recovery from another one.
    """
    if seconds < _MIN_ALONE_SECONDS:
        groups = chance.sample(GROUPS, k=len(GROUPS))
        faults = [fault for group in groups for fault in chance.sample(group, k=len(group))]
        return sorted(faults, key=lambda fault: not fault.keeps_its_length)
    others = [fault for fault in FAULTS if fault is not LONG_OUTAGE]
    return [LONG_OUTAGE, *chance.sample(others, k=len(others))]


def _scaled(fault: Fault, *, seconds: float) -> Fault:
    """Return the fault with its length and strikes adapted to a run of this length."""
    factor = _factor(seconds)
    fault = replace(fault, rest=fault.rest * factor)
    if fault.keeps_its_length:
        return fault
    length = min(fault.seconds, max(_MIN_SECONDS, fault.seconds * factor))
    times = max(1, round(fault.times * length / fault.seconds))
    return replace(fault, seconds=length, times=times)


def _factor(seconds: float) -> float:
    """Return what the lengths of the catalogue are multiplied by in a run of this length."""
    return min(1.0, seconds / _FULL_SECONDS)


def _in_lanes(faults: Sequence[Fault], *, begins: float, ends: float) -> tuple[int, list[Episode]]:
    """Return the smallest number of parallel lanes that hold all faults, and the faults' times."""
    needed = sum(fault.seconds + fault.rest + _MIN_GAP_SECONDS for fault in faults)
    for count in range(ceil(needed / (ends - begins)), len(faults) + 1):
        room = (ends - begins) * count - needed
        for extra in (room / len(faults), room / len(faults) / 2, 0.0):
            gap = min(_MAX_GAP_SECONDS, _MIN_GAP_SECONDS + extra)
            free = [begins] * count
            episodes = []
            for fault in faults:
                lane = free.index(min(free))
                until = free[lane] + fault.seconds
                episodes.append(Episode(name=fault.name, begins=free[lane], ends=until))
                free[lane] = until + fault.rest + gap
            if max(episode.ends for episode in episodes) <= ends:
                return count, episodes
    raise ValueError("A run of this length is too short for its longest fault.")


def _actions(fault: Fault, *, at: float, chance: random.Random) -> Iterator[Action]:
    choice = chance.randrange(1_000_000)
    for number in range(fault.times):
        yield Action(
            at=at + fault.seconds * number / fault.times,
            strike=fault.strike,
            hit=Hit(choice=choice + number, seconds=fault.seconds),
            fault=fault.name,
        )
    if fault.ends_with:
        yield Action(
            at=at + fault.seconds,
            strike=fault.ends_with,
            hit=Hit(choice=choice, seconds=0),
            fault=fault.name,
            is_end=True,
        )


def _mixed(*, begins: float, ends: float, chance: random.Random) -> Iterator[Action]:
    """Yield the actions of the last phase: kills all the time, together with other faults."""
    length = ends - begins
    for kills, between in (
        (POOL_PROCESS_KILLS, _SECONDS_BETWEEN_POOL_KILLS),
        (WORKER_KILLS, _SECONDS_BETWEEN_WORKER_KILLS),
    ):
        times = max(1, int(length / between))
        for number in range(times):
            once = replace(kills, times=1, seconds=0)
            yield from _actions(once, at=begins + length * number / times, chance=chance)
    others = [fault for fault in FAULTS if fault not in (POOL_PROCESS_KILLS, WORKER_KILLS)]
    at = begins
    while at < ends - _SECONDS_BETWEEN_FAULTS:
        fault = chance.choice(others)
        seconds = min(fault.seconds, ends - at, _LONGEST_IN_MIX_SECONDS)
        yield from _actions(replace(fault, seconds=seconds), at=at, chance=chance)
        at += _SECONDS_BETWEEN_FAULTS
