"""The classes of the figures. Shares are in percent; a figure without data is None."""

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
    """The project and the channel of the figures; None is all of them."""

    project: UUID | None = None
    channel: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CsatFigures:
    """Customer satisfaction; `distribution` counts the answers of each score from 1 to 5."""

    distribution: Mapping[int, int]

    @property
    def answers(self) -> int:
        """The number of answers."""
        return sum(self.distribution.values())

    @property
    def satisfied_percent(self) -> float | None:
        """The share of the scores 4 and 5."""
        return percent(count(self.distribution, SATISFIED), self.answers)

    @property
    def mean(self) -> float | None:
        """The mean score, from 1 to 5."""
        return mean(self.distribution)


@dataclass(frozen=True, slots=True, kw_only=True)
class NpsFigures:
    """Net Promoter Score; `distribution` counts the answers of each score from 0 to 10."""

    distribution: Mapping[int, int]

    @property
    def answers(self) -> int:
        """The number of answers, passives included."""
        return sum(self.distribution.values())

    @property
    def promoters(self) -> int:
        """The number of scores 9 and 10."""
        return count(self.distribution, PROMOTERS)

    @property
    def passives(self) -> int:
        """The number of scores 7 and 8."""
        return count(self.distribution, PASSIVES)

    @property
    def detractors(self) -> int:
        """The number of scores 0 to 6."""
        return count(self.distribution, DETRACTORS)

    @property
    def score(self) -> float | None:
        """The share of promoters minus that of detractors, from -100 to 100."""
        return percent(self.promoters - self.detractors, self.answers)

    @property
    def mean(self) -> float | None:
        """The mean score, from 0 to 10."""
        return mean(self.distribution)


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyFigures:
    """Figures of the answers that count.

    Of the answers of one kind in a conversation, the newest counts, and also the newest before each
    reopening. All answers without a conversation count.
    """

    csat: CsatFigures
    nps: NpsFigures
    csat_by_day: Mapping[date, CsatFigures]
    nps_by_day: Mapping[date, NpsFigures]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningFigures:
    """Numbers of conversations by the local day and the local hour (0 to 23) of their opening."""

    by_day: Mapping[date, int]
    by_hour: Mapping[int, int]

    @property
    def opened(self) -> int:
        """The number of conversations opened."""
        return sum(self.by_day.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosingFigures:
    """Numbers of closings. A conversation that was reopened and closed again has several.

    `outreach_by_day` counts those of conversations in which the contact had never written.
    `answered` counts the others that have a CSAT or NPS answer, even if the answer came outside the
    period. `archived` counts those that were archived. `messages` counts the messages in their
    archives: it grows until all are archived, and shrinks when retention deletes archives.
    """

    by_day: Mapping[date, Mapping[Resolution, int]]
    outreach_by_day: Mapping[date, int]
    answered: int
    archived: int
    messages: int

    @property
    def by_resolution(self) -> Mapping[Resolution, int]:
        """The number of conversations closed, by resolution."""
        return {
            resolution: sum(day[resolution] for day in self.by_day.values())
            for resolution in RESOLUTIONS
        }

    @property
    def closed(self) -> int:
        """The number of conversations closed."""
        return sum(self.by_resolution.values())

    @property
    def outreach(self) -> int:
        """The number of conversations closed in which the contact never wrote."""
        return sum(self.outreach_by_day.values())

    @property
    def contact_wrote(self) -> int:
        """The number of conversations closed in which the contact wrote."""
        return self.closed - self.outreach

    @property
    def survey_response_percent(self) -> float | None:
        """The share of those in which the contact wrote that have an answer.

        None without answers: the service does not know whether a survey was sent at all.
        """
        return percent(self.answered, self.contact_wrote) if self.answered else None


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthFigures:
    """Medians of closed conversations that are archived and in which the contact wrote.

    The duration is the time from the first message to the last; it is 0 for a single message. A
    conversation whose archive was deleted by retention counts for the duration only. Both are exact
    to 1%, and lengths below 100 messages are exact.
    """

    median_messages: float | None
    median_duration: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantiles:
    """The median and the 90th percentile of `number` times, exact to 1% or half a second."""

    number: int
    median: timedelta | None
    p90: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeFigures:
    """Times that contacts waited.

    `first_response` is the time from the first message of the contact to the first sent message, of
    conversations opened in the period. It is known when the conversation is archived. A
    conversation that began with a sent message has none.

    `to_resolution` is the time from opening to closing, of conversations closed in the period in
    which the contact wrote. One that was reopened counts each time that it closes, always from its
    opening.
    """

    first_response: Quantiles
    to_resolution: Quantiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All figures of a scope and a period. `times_by_day` is empty unless it was asked for."""

    scope: Scope
    period: Period
    surveys: SurveyFigures
    openings: OpeningFigures
    closings: ClosingFigures
    lengths: LengthFigures
    times: TimeFigures
    times_by_day: Mapping[date, TimeFigures]


RESOLUTIONS = tuple(
    resolution for resolution in Resolution if resolution is not Resolution.IN_PROGRESS
)


def percent(part: int, whole: int) -> float | None:
    """Return the share of a part in percent, or None if the whole is 0."""
    return 100 * part / whole if whole else None


def mean(distribution: Mapping[int, int]) -> float | None:
    """Return the mean score, or None without answers."""
    answers = sum(distribution.values())
    total = sum(score * number for score, number in distribution.items())
    return total / answers if answers else None


def count(distribution: Mapping[int, int], scores: range) -> int:
    """Return the number of answers with one of these scores."""
    return sum(distribution.get(score, 0) for score in scores)
