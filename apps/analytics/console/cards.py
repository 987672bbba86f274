"""The cards of the console, which show the figures of the whole period in large type."""

from dataclasses import dataclass

from django.utils.translation import gettext, pgettext

from apps.analytics.console.comparisons import Change, Comparison, change
from apps.analytics.console.indicators import INDICATORS, Indicator
from apps.analytics.console.queries import Query
from apps.analytics.console.tables import Cell, Column, Table
from apps.analytics.figures import Totals


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A figure with its name and a note, what it was in the period before, and how it changed."""

    name: str
    value: str
    note: str
    href: str
    compared: str
    change: str
    is_empty: bool


def cards(totals: Totals, *, comparison: Comparison | None, query: Query) -> list[Card]:
    """Return all cards, in the order of the page."""
    return [_card(indicator, totals, comparison, query=query) for indicator in INDICATORS]


def cards_table(totals: Totals, *, comparison: Comparison | None) -> Table:
    """Return the table that a file has of the cards: a row for each."""
    return Table(
        title=gettext("Figures"),
        columns=(
            Column(title=gettext("Figure")),
            Column(title=gettext("Unit")),
            Column(title=gettext("Value")),
            Column(title=gettext("Answers or conversations")),
            Column(title=gettext("In complete days")),
            Column(title=gettext("Before")),
            Column(title=pgettext("of a figure", "Change")),
            Column(title=gettext("Unit of the change")),
        ),
        rows=[_row(indicator, totals, comparison) for indicator in INDICATORS],
    )


def _card(
    indicator: Indicator, totals: Totals, comparison: Comparison | None, *, query: Query
) -> Card:
    value = indicator.value(totals)
    changed = change(indicator, comparison) if comparison else None
    is_complete = comparison is not None and comparison.days == query.period
    return Card(
        name=str(indicator.name),
        value=indicator.unit.text(value),
        note=indicator.note(totals),
        href=_href(indicator, totals, query=query),
        compared=_compared(indicator, changed, is_complete=is_complete) if changed else "",
        change=changed.text if changed else "",
        is_empty=value is None,
    )


def _href(indicator: Indicator, totals: Totals, *, query: Query) -> str:
    """Return the address of the list of what a figure counts, or "" if the list would be empty."""
    if not indicator.listed_as or not indicator.counted(totals):
        return ""
    return query.drilldown_url(of=indicator.listed_as, **indicator.selection)


def _compared(indicator: Indicator, changed: Change, *, is_complete: bool) -> str:
    """Return what is compared. In a complete period, the value of the card is one of both."""
    write = indicator.unit.text
    before = gettext("before: %(value)s") % {"value": write(changed.before)}
    if is_complete:
        return before
    complete = gettext("in complete days: %(value)s") % {"value": write(changed.now)}
    return f"{complete}; {before}"


def _row(indicator: Indicator, totals: Totals, comparison: Comparison | None) -> list[Cell]:
    changed = change(indicator, comparison) if comparison else None
    return [
        Cell(value=str(indicator.name)),
        Cell(value=str(indicator.unit.name)),
        Cell(value=indicator.value(totals)),
        Cell(value=indicator.counted(totals)),
        Cell(value=changed.now if changed else None),
        Cell(value=changed.before if changed else None),
        Cell(value=changed.difference if changed else None),
        Cell(value=str(indicator.unit.of_change)),
    ]
