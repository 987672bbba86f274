"""The schedule of faults, the same for the same seed and length."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tests.chaos.catalogue import (
    CLOCK_AHEAD,
    FAULTS,
    LONG_OUTAGE,
    POOL_PROCESS_KILLS,
    WORKER_KILLS,
    Fault,
    Strike,
)

MIXED = "everything at once"
# The shares of the run without faults, and with single faults; all happen at once in the rest.
_QUIET_SHARE = 0.02
_ALONE_SHARE = 0.78
_SHORT_ALONE_SHARE = 0.55
_LATEST_MIX_SHARE = 0.8
_MIX_ENDS_SHARE = 0.99
_GAP_SECONDS = 1.5
# The catalogue states the lengths of faults for a run of this length.
_FULL_SECONDS = 600.0
_MIN_SECONDS = 3.0
# The intervals while everything happens at once.
_SECONDS_BETWEEN_POOL_KILLS = 0.8
_SECONDS_BETWEEN_WORKER_KILLS = 2.6
_SECONDS_BETWEEN_FAULTS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A strike, `at` seconds after the beginning. `choice` selects the process that it hits."""

    at: float
    strike: Strike
    choice: int
    seconds: float
    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """A fault from its beginning to its end, or the time of all faults at once."""

    name: str
    begins: float
    ends: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The actions and episodes of a run, in the order of time."""

    seconds: float
    actions: list[Action]
    episodes: list[Episode]

    @property
    def closes_timed_at(self) -> float:
        """When conversations close by time: while clocks differ, if the run has that fault."""
        for episode in self.episodes:
            if episode.name == CLOCK_AHEAD.name:
                return episode.ends
        return self.seconds / 2


def make_schedule(*, seed: int, seconds: float) -> Schedule:
    """Return a schedule. A run of ten minutes has every fault alone, a shorter one only some."""
    chance = random.Random(f"schedule {seed}")  # noqa: S311 (repeatable, not secret)
    actions: list[Action] = []
    episodes: list[Episode] = []
    at = seconds * _QUIET_SHARE
    alone_until = seconds * (_ALONE_SHARE if seconds >= _FULL_SECONDS else _SHORT_ALONE_SHARE)
    for fault in chance.sample(FAULTS, k=len(FAULTS)):
        scaled = _scaled(fault, seconds=seconds)
        if at + scaled.seconds > alone_until:
            continue
        actions += _actions(scaled, at=at, chance=chance)
        episodes.append(Episode(name=fault.name, begins=at, ends=at + scaled.seconds))
        at += scaled.seconds + _GAP_SECONDS
    mixed_from, mixed_until = min(at, seconds * _LATEST_MIX_SHARE), seconds * _MIX_ENDS_SHARE
    actions += _mixed(begins=mixed_from, ends=mixed_until, chance=chance)
    episodes.append(Episode(name=MIXED, begins=mixed_from, ends=mixed_until))
    actions.sort(key=lambda action: action.at)
    return Schedule(seconds=seconds, actions=actions, episodes=episodes)


def _scaled(fault: Fault, *, seconds: float) -> Fault:
    if fault.keeps_its_length:
        return fault
    factor = min(1.0, seconds / _FULL_SECONDS)
    length = min(fault.seconds, max(_MIN_SECONDS, fault.seconds * factor))
    times = max(1, round(fault.times * length / fault.seconds))
    return replace(fault, seconds=length, times=times)


def _actions(fault: Fault, *, at: float, chance: random.Random) -> Iterator[Action]:
    choice = chance.randrange(1_000_000)
    for number in range(fault.times):
        yield Action(
            at=at + fault.seconds * number / fault.times,
            strike=fault.strike,
            choice=choice + number,
            seconds=fault.seconds,
            fault=fault.name,
        )
    if fault.ends_with:
        yield Action(
            at=at + fault.seconds,
            strike=fault.ends_with,
            choice=choice,
            seconds=0,
            fault=fault.name,
        )


def _mixed(*, begins: float, ends: float, chance: random.Random) -> Iterator[Action]:
    """Yield constant kills, together with other faults."""
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
        room = ends - at
        seconds = min(fault.seconds, room, 10.0 if fault is LONG_OUTAGE else room)
        yield from _actions(replace(fault, seconds=seconds), at=at, chance=chance)
        at += _SECONDS_BETWEEN_FAULTS
