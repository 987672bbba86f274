"""bench.json and docs/bench.md: written by both commands, each of which keeps the other's part."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from bench.common.subjects import PROJECT_ROOT
from bench.event_cost.comparison_result import Comparison
from bench.event_cost.goals import goals
from bench.event_cost.growth_result import Growth
from bench.event_cost.report_page import charts, render

RESULT = PROJECT_ROOT / "bench.json"
PAGE = PROJECT_ROOT / "docs" / "bench.md"
CHARTS = PROJECT_ROOT / "docs" / "charts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What has been measured so far; the growth curves only if they have been."""

    comparison: Comparison
    growth: Growth | None

    def as_json(self) -> dict[str, Any]:
        """The comparison, whose subjects come with it, the goals, and the growth curves."""
        told = [
            asdict(goal) | {"is_reached": goal.is_reached}
            for goal in goals(self.comparison, self.growth)
        ]
        growth = {"growth": asdict(self.growth)} if self.growth else {}
        return asdict(self.comparison) | {"goals": told} | growth

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Report":
        """The report that `as_json` gave. Raises pydantic.ValidationError."""
        growth = content.get("growth")
        return cls(
            comparison=TypeAdapter(Comparison).validate_python(content),
            growth=TypeAdapter(Growth).validate_python(growth) if growth else None,
        )

    def write(self) -> None:
        """Write the JSON, the charts and the page."""
        RESULT.write_text(json.dumps(self.as_json(), indent=2) + "\n")
        drawn = charts(comparison=self.comparison, growth=self.growth)
        CHARTS.mkdir(exist_ok=True)
        for name, drawing in drawn.items():
            (CHARTS / name).write_text(drawing)
        PAGE.write_text(render(comparison=self.comparison, growth=self.growth))


def last_report(path: Path = RESULT) -> Report | None:
    """The report that was written last, if any."""
    return Report.from_json(json.loads(path.read_text())) if path.exists() else None
