"""What the figures are. Shares are in percent; what there is nothing of is None."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from apps.analytics.figures.periods import Period
from apps.conversations.models import Resolution

CSAT_SCORES = range(1, 6)
SATISFIED = range(4, 6)
NPS_SCORES = range(11)
PROMOTERS = range(9, 11)
PASSIVES = range(7, 9)
DETRACTORS = range(7)
HOURS = range(24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose figures: of a project or of all, of a channel or of all."""

    project: UUID | None = None
    channel: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CsatFigures:
    """Customer satisfaction; `distribution` counts the answers of each score from 1 to 5."""

    distribution: Mapping[int, int]

    @property
    def answers(self) -> int:
        """How many there are."""
        return sum(self.distribution.values())

    @property
    def satisfied_percent(self) -> float | None:
        """The share of 4 and 5."""
        return percent(count(self.distribution, SATISFIED), self.answers)

    @property
    def mean(self) -> float | None:
        """The mean score."""
        total = sum(score * number for score, number in self.distribution.items())
        return total / self.answers if self.answers else None


@dataclass(frozen=True, slots=True, kw_only=True)
class NpsFigures:
    """Net Promoter Score; `distribution` counts the answers of each score from 0 to 10."""

    distribution: Mapping[int, int]

    @property
    def answers(self) -> int:
        """How many there are, passives included."""
        return sum(self.distribution.values())

    @property
    def promoters(self) -> int:
        """Those of 9 and 10."""
        return count(self.distribution, PROMOTERS)

    @property
    def passives(self) -> int:
        """Those of 7 and 8."""
        return count(self.distribution, PASSIVES)

    @property
    def detractors(self) -> int:
        """Those of 0 to 6."""
        return count(self.distribution, DETRACTORS)

    @property
    def score(self) -> float | None:
        """The share of promoters minus that of detractors, from -100 to 100."""
        return percent(self.promoters - self.detractors, self.answers)


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyFigures:
    """The answers that count: of each kind the newest to a conversation, and all without one."""

    csat: CsatFigures
    nps: NpsFigures
    csat_by_day: Mapping[date, CsatFigures]
    nps_by_day: Mapping[date, NpsFigures]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningFigures:
    """Conversations by the day and by the local hour of day (0 to 23) in which they were opened.

    Messages by hour are not known to PostgreSQL: it counts them for each conversation only.
    """

    by_day: Mapping[date, int]
    by_hour: Mapping[int, int]

    @property
    def opened(self) -> int:
        """How many in all."""
        return sum(self.by_day.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosingFigures:
    """Conversations that were closed, and have not been reopened.

    `answered` of them have a CSAT or NPS answer, whenever it came. `archived` of them have their
    messages in the archive; `messages` counts those that are there now, so it grows until all are
    archived and shrinks when the project's retention deletes archives.
    """

    by_day: Mapping[date, Mapping[Resolution, int]]
    answered: int
    archived: int
    messages: int

    @property
    def by_resolution(self) -> Mapping[Resolution, int]:
        """How many in all, by how they ended."""
        return {
            resolution: sum(day[resolution] for day in self.by_day.values())
            for resolution in RESOLUTIONS
        }

    @property
    def closed(self) -> int:
        """How many in all."""
        return sum(self.by_resolution.values())

    @property
    def response_percent(self) -> float | None:
        """The share that has an answer."""
        return percent(self.answered, self.closed)


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthFigures:
    """Medians of closed conversations that are archived and have messages.

    The duration is the time from the first message to the last; one message has none: 0. One whose
    archive was deleted by the project's retention has no length any more, but keeps its duration.
    """

    median_messages: float | None
    median_duration: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All figures of a scope and a period."""

    scope: Scope
    period: Period
    surveys: SurveyFigures
    openings: OpeningFigures
    closings: ClosingFigures
    lengths: LengthFigures


RESOLUTIONS = tuple(one for one in Resolution if one is not Resolution.IN_PROGRESS)


def percent(part: int, whole: int) -> float | None:
    """None of nothing."""
    return 100 * part / whole if whole else None


def count(distribution: Mapping[int, int], scores: range) -> int:
    """The answers with one of these scores."""
    return sum(number for score, number in distribution.items() if score in scores)
