"""Figures of a period: CSAT, NPS, conversations opened and closed, and how long they took.

Days are local days in the present time zone of each project, even in figures of all projects. An
answer belongs to the day of `answered_at`. A conversation is opened on the day of `opened_at`,
which is a queue time; `started_at` depends on the producer's clock. It is closed on the day of
`ended_at`, so a conversation that closes at midnight counts for the day that begins then. If it is
reopened, that day still counts its closing.

A figure without data is None, never 0 or NaN; only counts can be 0. Nothing is rounded but lengths
and times, by at most 1% (see `measures`).
"""

from apps.analytics.figures.by_project import figures_by_project
from apps.analytics.figures.channels import ChannelCount, channels
from apps.analytics.figures.periods import Period
from apps.analytics.figures.results import (
    ClosingFigures,
    CsatFigures,
    Figures,
    LengthFigures,
    NpsFigures,
    OpeningFigures,
    Quantiles,
    Scope,
    SurveyFigures,
    TimeFigures,
)
from apps.analytics.figures.selectors import figures, local_today
from apps.analytics.figures.totals import Totals, totals_of

__all__ = [
    "ChannelCount",
    "ClosingFigures",
    "CsatFigures",
    "Figures",
    "LengthFigures",
    "NpsFigures",
    "OpeningFigures",
    "Period",
    "Quantiles",
    "Scope",
    "SurveyFigures",
    "TimeFigures",
    "Totals",
    "channels",
    "figures",
    "figures_by_project",
    "local_today",
    "totals_of",
]
