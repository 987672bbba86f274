"""The cards of the console, which show the figures of the whole period in large type."""

from collections.abc import Iterator
from dataclasses import dataclass

from apps.analytics.console.queries import Query
from apps.analytics.figures import Figures, texts

NO_ANSWERS = "no answers in this period"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A figure with its name and a note."""

    name: str
    value: str
    note: str
    href: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether the figure has no data."""
        return self.value == texts.NO_DATA


def cards(figures: Figures, *, query: Query) -> list[Card]:
    """Return all cards, in the order of the page."""
    return [*_surveys(figures, query), *_conversations(figures, query), *_lengths(figures)]


def _surveys(figures: Figures, query: Query) -> Iterator[Card]:
    csat, nps, closings = figures.surveys.csat, figures.surveys.nps, figures.closings
    yield Card(
        name="CSAT, share of 4 and 5",
        value=texts.percent(csat.satisfied_percent),
        note=f"mean score {texts.mean(csat.mean)}; {texts.count(csat.answers, 'answer')}"
        if csat.answers
        else NO_ANSWERS,
        href=query.drilldown_url(of="csat") if csat.answers else "",
    )
    yield Card(
        name="NPS",
        value=texts.signed(nps.score),
        note=f"mean score {texts.mean(nps.mean)}; {texts.groups(nps)}"
        if nps.answers
        else NO_ANSWERS,
        href=query.drilldown_url(of="nps") if nps.answers else "",
    )
    yield Card(
        name="Survey response rate",
        value=texts.percent(closings.survey_response_percent),
        note=f"CSAT or NPS answer in {texts.survey_responses(closings)}"
        if closings.answered
        else NO_ANSWERS,
    )


def _conversations(figures: Figures, query: Query) -> Iterator[Card]:
    opened, closings = figures.openings.opened, figures.closings
    yield Card(
        name="Opened",
        value=f"{opened:,}",
        note=texts.noun(opened, "conversation"),
        href=query.drilldown_url(of="opened") if opened else "",
    )
    yield Card(
        name="Closed",
        value=f"{closings.closed:,}",
        note=texts.noun(closings.closed, "conversation"),
        href=query.drilldown_url(of="closed") if closings.closed else "",
    )
    yield Card(
        name="Outreach",
        value=f"{closings.outreach:,}",
        note=f"closed {texts.noun(closings.outreach, 'conversation')} in which the contact never "
        "wrote",
        href=query.drilldown_url(of="closed", outreach=1) if closings.outreach else "",
    )


def _lengths(figures: Figures) -> Iterator[Card]:
    yield Card(
        name="Median length",
        value=texts.number(figures.lengths.median_messages),
        note="messages in an archived conversation in which the contact wrote",
    )
    yield Card(
        name="Median duration",
        value=texts.duration(figures.lengths.median_duration),
        note="from the first message to the last",
    )
