"""The harness of all benchmarks: it measures, prints, and writes the JSON file and the page."""

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
    `run` (the result), `made` (how it was made), `goals`, and the `parts`, which are tables and
    texts. The terminal shows the tables, too. The JSON file has the run, its `goals`, and its
    `figures`, which other programs read.
    """

    name: str
    command: str
    result: type[Result]
    template: Path
    parts: Callable[[Result], Mapping[str, Table | str]]
    goals: Callable[[Result], Sequence[Goal]] = lambda _result: ()
    figures: Callable[[Result], Mapping[str, Any]] = lambda _result: {}

    def main(self, measure: Callable[[Console], Result]) -> int:
        """Measure, print and write the results. Return the exit status of the command."""

        def work(console: Console) -> int:
            run = measured(command=self.command, measure=lambda: measure(console))
            self.print(run.result, console=console)
            self.write(run, console=console)
            return 0

        return exit_status(work)

    def print(self, result: Result, *, console: Console) -> None:
        """Print all tables, then the goals."""
        for part in (*self.parts(result).values(), goal_table(self.goals(result))):
            if isinstance(part, Table) and part.rows:
                part.print_on(console)

    def write(self, run: Run[Result], *, console: Console) -> None:
        """Write the page and the JSON file of a run."""
        page = results.write(name=self.name, document=self.as_json(run), page=self.render(run))
        console.print(f"Written: {page}", highlight=False, soft_wrap=True)

    def render(self, run: Run[Result]) -> str:
        """Return the page in Markdown. Every figure comes from the run."""
        page = self.template.read_text().format(
            run=run.result,
            made=run.header.sentences(),
            goals=goal_table(self.goals(run.result)),
            **self.parts(run.result),
        )
        return wrapped(page)

    def as_json(self, run: Run[Result]) -> str:
        """Return the run, its figures and its goals as JSON."""
        goals: list[dict[str, Any]] = [
            asdict(goal) | {"is_reached": goal.is_reached} for goal in self.goals(run.result)
        ]
        document = {**asdict(run), **self.figures(run.result), "goals": goals}
        return json.dumps(document, indent=2) + "\n"

    def read(self, into: Path) -> Run[Result] | None:
        """Return the run that an earlier command wrote to this folder, or None."""
        path = results.json_path(into=into, name=self.name)
        if not path.exists():
            return None
        run: Run[Result] = TypeAdapter(Run[self.result]).validate_json(  # type: ignore[name-defined]
            path.read_text()
        )
        return run
