"""The harness of all benchmarks: measure, print, and write the JSON file, page and charts."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter
from rich.console import Console

from bench.common import results
from bench.common.goals import Goal, goal_table
from bench.common.run import Run, measured
from bench.common.tables import Table, wrapped
from embedded.commands import exit_status

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark(Generic[Result]):
    """A benchmark, run by `command`.

    Its page and its JSON file have the name `name`. `template` is the page before `str.format` adds
    `run` (the result), `made` (how it was made), `goals`, the tables and the `facts`. The terminal
    shows the tables, too.
    """

    name: str
    command: str
    result: type[Result]
    template: Path
    tables: Callable[[Result], Mapping[str, Table]]
    facts: Callable[[Result], Mapping[str, str]] = lambda _result: {}
    goals: Callable[[Result], Sequence[Goal]] = lambda _result: ()
    charts: Callable[[Result], Mapping[str, str]] = lambda _result: {}

    def main(self, measure: Callable[[Console], Result]) -> int:
        """Measure, print and write; return the exit status of the command."""

        def work(console: Console) -> int:
            run = measured(command=self.command, measure=lambda: measure(console))
            self.print(run.result, console=console)
            self.write(run, console=console)
            return 0

        return exit_status(work)

    def print(self, result: Result, *, console: Console) -> None:
        """Print all tables, then the goals."""
        tables = [*self.tables(result).values(), goal_table(self.goals(result))]
        for table in tables:
            if table.rows:
                table.print_on(console)

    def write(self, run: Run[Result], *, console: Console) -> None:
        """Write the page, the JSON file and the charts of a run."""
        page = results.write(
            name=self.name,
            document=self.as_json(run),
            page=self.render(run),
            charts=self.charts(run.result),
        )
        console.print(f"Written: {page}", highlight=False, soft_wrap=True)

    def render(self, run: Run[Result]) -> str:
        """Return the page in Markdown. Every figure comes from the run."""
        page = self.template.read_text().format(
            run=run.result,
            made=run.header.sentences(),
            goals=goal_table(self.goals(run.result)),
            **self.tables(run.result),
            **self.facts(run.result),
        )
        return wrapped(page)

    def as_json(self, run: Run[Result]) -> str:
        """Return the run and its goals as JSON."""
        goals: list[dict[str, Any]] = [
            asdict(goal) | {"is_reached": goal.is_reached} for goal in self.goals(run.result)
        ]
        return json.dumps(asdict(run) | {"goals": goals}, indent=2) + "\n"

    def read(self, into: Path) -> Run[Result] | None:
        """Return the run that was written to this folder before; None if no run was."""
        path = results.json_path(into=into, name=self.name)
        if not path.exists():
            return None
        run: Run[Result] = TypeAdapter(Run[self.result]).validate_json(  # type: ignore[name-defined]
            path.read_text()
        )
        return run
