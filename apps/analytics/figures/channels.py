"""The channels of a scope that had conversations in a period."""

from collections import Counter
from dataclasses import dataclass
from uuid import UUID

from apps.analytics.figures.measures import Measure
from apps.analytics.figures.parts import parts_by_channel
from apps.analytics.figures.periods import Period
from apps.analytics.figures.results import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelCount:
    """A channel, and its numbers of conversations opened and closed in the period."""

    channel: UUID
    opened: int
    closed: int


def channels(*, scope: Scope, period: Period) -> list[ChannelCount]:
    """Return the channels in which a conversation was opened or closed, the busiest first.

    Raise ZoneInfoNotFoundError if a project's time zone is not in the installed tz database.
    """
    counted: Counter[tuple[UUID, Measure]] = Counter()
    for channel, measure, _value, number in parts_by_channel(scope=scope, period=period):
        if measure in (Measure.OPENED, Measure.CLOSED):
            counted[channel, measure] += number
    found = [
        ChannelCount(
            channel=channel,
            opened=counted[channel, Measure.OPENED],
            closed=counted[channel, Measure.CLOSED],
        )
        for channel in {channel for channel, _ in counted}
    ]
    return sorted(found, key=lambda one: (-one.opened, -one.closed, one.channel))
