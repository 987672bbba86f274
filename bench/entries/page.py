"""The page about the cost of stored messages."""

from pathlib import Path

from bench.common.benchmark import Benchmark
from bench.common.goals import Goal
from bench.common.tables import Table, in_rows
from bench.entries.messages import BOT
from bench.entries.result import Entries


def _parts(run: Entries) -> dict[str, Table | str]:
    return {
        "kinds": in_rows(
            run.kinds,
            {
                "Messages": lambda one: one.name,
                "Language": lambda one: one.language,
                "Characters": lambda one: f"{one.characters:.0f}",
                "Compressed": lambda one: f"{one.compressed:.0%}",
                "Write units": lambda one: _both(one.before.write_units, one.after.write_units, 2),
                "Bytes": lambda one: _both(one.before.bytes, one.after.bytes),
                "CPU to write, µs": lambda one: _both(one.before.writing, one.after.writing),
                "CPU to read, µs": lambda one: _both(one.before.reading, one.after.reading),
            },
            title="Stored as text, and as the service stores them",
        ),
        "ways": in_rows(
            run.ways,
            {
                "Stored": lambda one: one.name,
                "Bytes": lambda one: f"{one.bytes:,.0f}",
                "Write units": lambda one: f"{one.write_units:.2f}",
                "Write units of two answers": lambda one: f"{one.write_units_of_long:.2f}",
                "Longest text of one unit": lambda one: f"{one.longest:,}",
            },
            title="Answers of bots, all stored in one way",
        ),
    }


def _both(before: float, after: float, digits: int = 0) -> str:
    return f"{before:,.{digits}f} → {after:,.{digits}f}"


def _goals(run: Entries) -> list[Goal]:
    answers = [one.after.write_units for one in run.kinds if one.name == BOT]
    return [Goal(name="write units of a bot's answer", wanted=1, measured=max(answers))]


BENCHMARK = Benchmark(
    name="entries",
    command="make bench-entries",
    result=Entries,
    template=Path(__file__).with_name("page.md"),
    parts=_parts,
    goals=_goals,
)
