"""Figures of a period: CSAT, NPS, and what became of the conversations.

A day is a local day of each project's own present zone, also where the figures of all projects are
asked for. An answer belongs to the day of `answered_at`. A conversation is opened on the day of
`opened_at`, a time of the queue, because `started_at` is whatever its producer's clock said; it is
closed on the day of `ended_at`, so one that closes at midnight closes on the day that begins.

What there is nothing of is None, never 0 or NaN; only counts can be 0. Nothing is rounded.
"""

from apps.analytics.figures.periods import Period
from apps.analytics.figures.results import (
    ClosingFigures,
    CsatFigures,
    Figures,
    LengthFigures,
    NpsFigures,
    OpeningFigures,
    Scope,
    SurveyFigures,
)
from apps.analytics.figures.selectors import (
    closings,
    figures,
    lengths,
    openings,
    surveys,
)

__all__ = [
    "ClosingFigures",
    "CsatFigures",
    "Figures",
    "LengthFigures",
    "NpsFigures",
    "OpeningFigures",
    "Period",
    "Scope",
    "SurveyFigures",
    "closings",
    "figures",
    "lengths",
    "openings",
    "surveys",
]
