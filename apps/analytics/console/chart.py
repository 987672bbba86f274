"""A chart of the console: a drawing, and a table with the same numbers and links."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from apps.analytics.console.geometry import Drawing, Part
from apps.analytics.console.tables import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart and its table. If the drawing has no bars, the template shows a text instead."""

    slug: str
    note: str
    drawing: Drawing
    table: Table
    legend: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The title, which is also that of the table."""
        return self.table.title


def link(bar: Part) -> str:
    """Return the link of a bar, or "" if the bar has no value."""
    return "" if bar.value is None else bar.href
