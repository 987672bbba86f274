"""`python -m bench`: this service, stock Celery and the bare loop, in one run on the same servers.

Writes bench.json, docs/bench.md and docs/charts, and keeps the growth curves that are there.
"""

import os
import sys

from rich.console import Console
from rich.table import Table

from bench.common.chat import TEXT_CHARACTERS, Load
from bench.common.command import exit_status
from bench.common.machine import describe
from bench.common.prices import PRICES
from bench.common.revision import revision
from bench.comparison_rows import Row, backlog_rows, goal_rows, head, latency_rows
from bench.event_cost.backlog import run_backlog, warm_up
from bench.event_cost.comparison_result import Comparison, SubjectResult, subject_result
from bench.event_cost.contenders import PROCESSES, Contender, contenders
from bench.event_cost.goals import goals
from bench.event_cost.paced import Latency, run_paced
from bench.event_cost.report import PAGE, Report, last_report
from bench.event_cost.stages import Servers, running_servers
from bench.event_cost.trial import running_trial

COMMAND = "make bench"
CONTACTS = 100
# Of each contact: as many as each subject does in a quarter of a minute or so.
MESSAGES_EACH = {"service": 200, "stock": 12, "floor": 80, "limit": 200}
PACED_SECONDS = 12.0
# Also for stock Celery a rate that leaves it idle most of the time.
NO_BACKLOG_PER_SECOND = 10.0
MOST_SECONDS = 240.0


def main(console: Console) -> None:
    """Measure, write and print. Raises ProcessError or NotDone."""
    last = last_report()
    comparison = compare(console=console)
    report = Report(comparison=comparison, growth=last.growth if last else None)
    report.write()
    _print(console=console, report=report)


def compare(*, console: Console) -> Comparison:
    """Run each subject alone. Raises ProcessError or NotDone."""
    load_before = os.getloadavg()[0]
    subjects: dict[str, SubjectResult] = {}
    with running_servers() as servers:
        for contender in contenders():
            console.print(f"Measuring {contender.title}")
            subjects[contender.name] = _measure(contender, servers=servers)
    return Comparison(
        command=COMMAND,
        commit=revision(),
        machine=describe(load_before=load_before),
        contacts=CONTACTS,
        processes=PROCESSES,
        text_characters=TEXT_CHARACTERS,
        no_backlog_per_second=NO_BACKLOG_PER_SECOND,
        prices=PRICES,
        subjects=subjects,
    )


def _measure(contender: Contender, *, servers: Servers) -> SubjectResult:
    loads = _Loads()
    with running_trial(contender, servers=servers, name=contender.name) as trial:
        warm_up(trial, load=loads.take(1), most_seconds=MOST_SECONDS)
        each = MESSAGES_EACH[contender.name]
        backlog = run_backlog(trial, load=loads.take(each), most_seconds=MOST_SECONDS)

        def paced(per_second: float) -> Latency:
            each = max(1, round(per_second * PACED_SECONDS / CONTACTS))
            return run_paced(trial, load=loads.take(each), per_second=per_second)

        return subject_result(
            title=contender.title,
            backlog=backlog,
            half_load=paced(backlog.events / backlog.seconds / 2),
            no_backlog=paced(NO_BACKLOG_PER_SECOND),
        )


class _Loads:
    """Messages of the same contacts, each load going on where the one before ended."""

    def __init__(self) -> None:
        self._next = 0

    def take(self, each: int) -> Load:
        """So many messages of each contact."""
        numbers = range(self._next, self._next + each)
        self._next = numbers.stop
        return Load(contacts=CONTACTS, numbers=numbers)


def _print(*, console: Console, report: Report) -> None:
    comparison = report.comparison
    for title, rows in {
        "Under backlog": backlog_rows(comparison),
        "Single events": latency_rows(comparison),
    }.items():
        _print_table(console, title, head(comparison), rows)
    goals_head = ["goal", "wanted", "measured", ""]
    _print_table(console, "Goals", goals_head, goal_rows(goals(comparison, report.growth)))
    console.print(f"Written to {PAGE.relative_to(PAGE.parents[1])}, its charts, and bench.json")


def _print_table(console: Console, title: str, titles: Row, rows: list[Row]) -> None:
    table = Table(*titles, title=title)
    for row in rows:
        table.add_row(*row)
    console.print(table)


if __name__ == "__main__":
    sys.exit(exit_status(main))
