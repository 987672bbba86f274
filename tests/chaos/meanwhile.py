"""Checks that faults delay only the events that they concern.

The faults that are checked here concern no event at all, or only the events of one project.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import dropwhile, takewhile

from tests.chaos.backlog import Drain, Sample
from tests.chaos.faults.catalogue import FAULTS
from tests.chaos.faults.fault import Concern
from tests.chaos.faults.processes import LAG
from tests.chaos.latency import Timed
from tests.chaos.schedule import Episode, Schedule

# Shorter than these faults, so that an event exceeds this limit if it waits for the end of a fault.
MAX_WAIT_SECONDS = 10.0
# Long enough for at least one tick of beat.
MIN_LAG_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Wait:
    """How long events took during a fault that did not concern them.

    `seconds` is the longest time that such an event of a new contact took. It is None if there was
    no such event, or if an earlier fault may have delayed it: there was a backlog, or a worker was
    not ready.
    """

    fault: str
    seconds: float | None

    @property
    def is_too_long(self) -> bool:
        """Whether an event waited although the fault did not concern it."""
        return (self.seconds or 0.0) > MAX_WAIT_SECONDS


def waits(
    *,
    schedule: Schedule,
    events: Mapping[str, Sequence[Timed]],
    projects: Sequence[str],
    drains: Sequence[Drain],
    samples: Sequence[Sample],
    usual: float,
    begun_at: float,
) -> list[Wait]:
    """Return the longest wait during each fault that does not concern all events.

    `events` has the events of new contacts by project. Up to `usual` messages on the queue before
    the fault do not count as a backlog. `begun_at` is when the run began, in seconds since the
    epoch.
    """
    concerns = {fault.name: fault.concerns for fault in FAULTS}
    choices = {action.fault: action.hit.choice for action in reversed(schedule.actions)}
    found = []
    for episode, drain in zip(schedule.episodes, drains, strict=True):
        concern = concerns.get(episode.name, Concern.ALL_EVENTS)
        if concern is Concern.ALL_EVENTS:
            continue
        struck = choices[episode.name] % len(projects)
        taken = [
            event.seconds
            for number, project in enumerate(projects)
            for event in events.get(project, ())
            if begun_at + episode.begins <= event.at <= begun_at + episode.ends
            and (concern is Concern.NO_EVENT or number != struck)
        ]
        during = [one for one in samples if episode.begins <= one.at <= episode.ends]
        is_known = taken and drain.before <= usual and all(one.all_ready for one in during)
        found.append(Wait(episode.name, round(max(taken), 2) if is_known else None))
    return found


def ticked_under_lag(
    *, episodes: Sequence[Episode], samples: Sequence[Sample], drains: Sequence[Drain], usual: float
) -> bool | None:
    """Return whether the lake got answers while every message appeared older than five minutes.

    Only beat's ticks send answers to the lake. Returns None if this cannot be decided: the new
    workers were not ready for long enough, or an earlier fault had left a backlog that delayed the
    ticks.
    """
    (lag,) = (episode for episode in episodes if episode.name == LAG.name)
    (drain,) = (one for one in drains if one.fault == LAG.name)
    during = [one for one in samples if lag.begins <= one.at <= lag.ends]
    replaced = list(dropwhile(lambda one: one.all_ready, during))
    lagging = list(takewhile(lambda one: one.all_ready, dropwhile(_is_incomplete, replaced)))
    is_known = lagging and lagging[-1].at - lagging[0].at >= MIN_LAG_SECONDS
    if not is_known or drain.before > usual:
        return None
    return lagging[-1].in_lake > lagging[0].in_lake


def _is_incomplete(sample: Sample) -> bool:
    return not sample.all_ready
