"""The figures of a whole period, in which periods and projects are compared."""

from dataclasses import dataclass

from apps.analytics.figures.results import (
    CSAT_SCORES,
    NPS_SCORES,
    CsatFigures,
    Figures,
    LengthFigures,
    NpsFigures,
    Quantiles,
    TimeFigures,
    percent,
)

_NO_TIMES = Quantiles(number=0, median=None, p90=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The figures of a whole period, without those of its days and hours.

    The numbers are those of `OpeningFigures` and `ClosingFigures` with the same names.
    """

    csat: CsatFigures
    nps: NpsFigures
    opened: int
    closed: int
    outreach: int
    answered: int
    archived: int
    lengths: LengthFigures
    times: TimeFigures

    @classmethod
    def of_nothing(cls) -> "Totals":
        """Return the figures of a period in which nothing happened."""
        return cls(
            csat=CsatFigures(distribution=dict.fromkeys(CSAT_SCORES, 0)),
            nps=NpsFigures(distribution=dict.fromkeys(NPS_SCORES, 0)),
            opened=0,
            closed=0,
            outreach=0,
            answered=0,
            archived=0,
            lengths=LengthFigures(median_messages=None, median_duration=None),
            times=TimeFigures(first_response=_NO_TIMES, to_resolution=_NO_TIMES),
        )

    @property
    def contact_wrote(self) -> int:
        """The number of conversations closed in which the contact wrote."""
        return self.closed - self.outreach

    @property
    def survey_response_percent(self) -> float | None:
        """The share of those in which the contact wrote that have an answer, or None."""
        return percent(self.answered, self.contact_wrote) if self.answered else None


def totals_of(figures: Figures) -> Totals:
    """Return the figures of the whole period."""
    return Totals(
        csat=figures.surveys.csat,
        nps=figures.surveys.nps,
        opened=figures.openings.opened,
        closed=figures.closings.closed,
        outreach=figures.closings.outreach,
        answered=figures.closings.answered,
        archived=figures.closings.archived,
        lengths=figures.lengths,
        times=figures.times,
    )
