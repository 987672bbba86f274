"""The cards of the console, which show the figures of the whole period in large type."""

from dataclasses import dataclass

from apps.analytics.console import texts
from apps.analytics.console.queries import Query
from apps.analytics.figures import Figures


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
    csat, nps, closings = figures.surveys.csat, figures.surveys.nps, figures.closings
    return [
        Card(
            name="CSAT",
            value=texts.percent(csat.satisfied_percent),
            note=f"gave 4 or 5; mean {texts.mean(csat.mean)}; "
            f"{texts.count(csat.answers, 'answer')}",
            href=query.drilldown_url(of="csat") if csat.answers else "",
        ),
        Card(
            name="NPS",
            value=texts.signed(nps.score),
            note=f"{nps.promoters:,} promoters, {nps.passives:,} passives, "
            f"{nps.detractors:,} detractors",
            href=query.drilldown_url(of="nps") if nps.answers else "",
        ),
        Card(
            name="Response rate",
            value=texts.percent(closings.response_percent),
            note=f"{closings.answered:,} of {closings.closed:,} closed conversations"
            " have an answer",
        ),
        Card(
            name="Opened",
            value=f"{figures.openings.opened:,}",
            note="conversations",
            href=query.drilldown_url(of="opened") if figures.openings.opened else "",
        ),
        Card(
            name="Closed",
            value=f"{closings.closed:,}",
            note="conversations",
            href=query.drilldown_url(of="closed") if closings.closed else "",
        ),
        Card(
            name="Median length",
            value=texts.number(figures.lengths.median_messages),
            note="messages in an archived conversation",
        ),
        Card(
            name="Median duration",
            value=texts.duration(figures.lengths.median_duration),
            note="from the first message to the last",
        ),
    ]
