"""The figures that the console shows for a period: a card each, and a column of the projects.

A figure that is added to `INDICATORS` has a card, a comparison, a column and a row in the files.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from django.utils.translation import gettext, gettext_lazy, ngettext, pgettext_lazy

from apps.analytics.console.units import (
    COUNT,
    DURATION,
    MESSAGES,
    PERCENT,
    POINTS,
    Text,
    Unit,
    Value,
)
from apps.analytics.figures import Quantiles, Totals, texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """A figure of a period.

    `counted` is the number of answers or conversations that it is computed from, which tells how
    much it can be trusted; `counted_name` is the title of its column beside projects, or "" if it
    has none. `listed_as` and `selection` name the list of what it counts, or "" if there is none.
    """

    slug: str
    name: Text
    unit: Unit
    value: Callable[[Totals], Value]
    counted: Callable[[Totals], int]
    note: Callable[[Totals], str]
    counted_name: Text = ""
    listed_as: str = ""
    selection: Mapping[str, int] = field(default_factory=dict)


def no_answers() -> str:
    """Return the note of a figure without answers."""
    return gettext("no answers in this period")


def _csat_note(totals: Totals) -> str:
    return _survey_note(totals.csat.mean, texts.answer_count(totals.csat.answers))


def _nps_note(totals: Totals) -> str:
    return _survey_note(totals.nps.mean, texts.groups(totals.nps))


def _survey_note(mean: float | None, answers: str) -> str:
    if mean is None:
        return no_answers()
    score = gettext("mean score %(mean)s") % {"mean": texts.mean(mean)}
    return f"{score}; {answers}"


def _response_note(totals: Totals) -> str:
    if not totals.answered:
        return no_answers()
    responses = texts.survey_responses(totals)
    return gettext("CSAT or NPS answer in %(responses)s") % {"responses": responses}


def _outreach_note(totals: Totals) -> str:
    return ngettext(
        "closed conversation in which the contact never wrote",
        "closed conversations in which the contact never wrote",
        totals.outreach,
    )


def _conversations(number: int) -> str:
    return ngettext("conversation", "conversations", number)


def _archived(totals: Totals) -> int:
    """Return the number of conversations behind the medians, or more if outreach is archived."""
    return min(totals.archived, totals.contact_wrote)


def _p90(times: Quantiles) -> str:
    if not times.number:
        return gettext("no conversations in this period")
    return gettext("90th percentile %(time)s") % {"time": texts.duration(times.p90)}


INDICATORS = (
    Indicator(
        slug="csat",
        name=gettext_lazy("CSAT, share of 4 and 5"),
        unit=PERCENT,
        value=lambda totals: totals.csat.satisfied_percent,
        counted=lambda totals: totals.csat.answers,
        counted_name=gettext_lazy("CSAT answers"),
        note=_csat_note,
        listed_as="csat",
    ),
    Indicator(
        slug="nps",
        name=gettext_lazy("NPS"),
        unit=POINTS,
        value=lambda totals: totals.nps.score,
        counted=lambda totals: totals.nps.answers,
        counted_name=gettext_lazy("NPS answers"),
        note=_nps_note,
        listed_as="nps",
    ),
    Indicator(
        slug="survey-response",
        name=gettext_lazy("Survey response rate"),
        unit=PERCENT,
        value=lambda totals: totals.survey_response_percent,
        counted=lambda totals: totals.contact_wrote,
        note=_response_note,
    ),
    Indicator(
        slug="opened",
        name=gettext_lazy("Opened"),
        unit=COUNT,
        value=lambda totals: totals.opened,
        counted=lambda totals: totals.opened,
        note=lambda totals: _conversations(totals.opened),
        listed_as="opened",
    ),
    Indicator(
        slug="closed",
        name=pgettext_lazy("number of conversations", "Closed"),
        unit=COUNT,
        value=lambda totals: totals.closed,
        counted=lambda totals: totals.closed,
        note=lambda totals: _conversations(totals.closed),
        listed_as="closed",
    ),
    Indicator(
        slug="outreach",
        name=gettext_lazy("Outreach"),
        unit=COUNT,
        value=lambda totals: totals.outreach,
        counted=lambda totals: totals.outreach,
        note=_outreach_note,
        listed_as="closed",
        selection={"outreach": 1},
    ),
    Indicator(
        slug="median-length",
        name=gettext_lazy("Median length"),
        unit=MESSAGES,
        value=lambda totals: totals.lengths.median_messages,
        counted=_archived,
        note=lambda _: gettext("messages in an archived conversation in which the contact wrote"),
    ),
    Indicator(
        slug="median-duration",
        name=gettext_lazy("Median duration"),
        unit=DURATION,
        value=lambda totals: totals.lengths.median_duration,
        counted=_archived,
        note=lambda _: gettext("from the first message to the last"),
    ),
    Indicator(
        slug="first-response",
        name=gettext_lazy("Median first response time"),
        unit=DURATION,
        value=lambda totals: totals.times.first_response.median,
        counted=lambda totals: totals.times.first_response.number,
        note=lambda totals: _p90(totals.times.first_response),
    ),
    Indicator(
        slug="to-resolution",
        name=gettext_lazy("Median time to resolution"),
        unit=DURATION,
        value=lambda totals: totals.times.to_resolution.median,
        counted=lambda totals: totals.times.to_resolution.number,
        note=lambda totals: _p90(totals.times.to_resolution),
    ),
)
