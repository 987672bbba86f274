"""The goals of the service. They are ratios and counts, which do not depend on the machine."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.common.tables import Table, in_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A limit of a figure: at most `wanted` or, with `at_least`, at least `wanted`."""

    name: str
    wanted: float
    at_least: bool = False
    measured: float

    @property
    def is_reached(self) -> bool:
        """Whether this run has reached the goal."""
        return self.measured >= self.wanted if self.at_least else self.measured <= self.wanted


def goal_table(goals: Sequence[Goal]) -> Table:
    """Return a table of the goals and the measured figures."""
    return in_rows(
        goals,
        {
            "goal": lambda goal: goal.name,
            "wanted": lambda goal: (
                f"{'at least' if goal.at_least else 'at most'} {_short(goal.wanted)}"
            ),
            "measured": lambda goal: _short(goal.measured),
            "": lambda goal: "reached" if goal.is_reached else "not reached",
        },
        title="Goals",
    )


def _short(value: float) -> str:
    return f"{value:,.3g}" if value < 1_000 else f"{value:,.0f}"
