"""The figures that are computed from the numbers of each value of a measure."""

from collections.abc import Mapping
from datetime import timedelta

from apps.analytics.figures.measures import quantile
from apps.analytics.figures.results import (
    CSAT_SCORES,
    NPS_SCORES,
    CsatFigures,
    LengthFigures,
    NpsFigures,
    Quantiles,
    TimeFigures,
)

Numbers = Mapping[int, int]


def csat(scores: Numbers) -> CsatFigures:
    """Return the figures of these scores."""
    return CsatFigures(distribution={score: scores.get(score, 0) for score in CSAT_SCORES})


def nps(scores: Numbers) -> NpsFigures:
    """Return the figures of these scores."""
    return NpsFigures(distribution={score: scores.get(score, 0) for score in NPS_SCORES})


def lengths(*, messages: Numbers, seconds: Numbers) -> LengthFigures:
    """Return the medians of these lengths and durations."""
    return LengthFigures(
        median_messages=quantile(messages, 0.5), median_duration=_time(seconds, 0.5)
    )


def times(*, first_response: Numbers, to_resolution: Numbers) -> TimeFigures:
    """Return the quantiles of these seconds."""
    return TimeFigures(
        first_response=_quantiles(first_response), to_resolution=_quantiles(to_resolution)
    )


def _quantiles(seconds: Numbers) -> Quantiles:
    return Quantiles(
        number=sum(seconds.values()), median=_time(seconds, 0.5), p90=_time(seconds, 0.9)
    )


def _time(seconds: Numbers, share: float) -> timedelta | None:
    found = quantile(seconds, share)
    return None if found is None else timedelta(seconds=found)
