"""The result as a page of the documentation. Every figure comes from the run."""

from collections.abc import Iterable, Sequence

from bench.figures.result import FiguresRun, Measurement

_PAGE = """\
# What the figures cost

Made by `{command}`: do not edit, run it again. Commit {commit};
{cores} cores, Python {python}, PostgreSQL {postgresql} as the embedded stack starts it.
The load average of the machine was {load_before:.1f} when the measuring began and {load_after:.1f}
when it ended; by itself, the command makes about 1.

{conversations:,} conversations and {answers:,} survey answers of {days} days and {projects}
projects in {zones} time zones; the largest project has a quarter of them. PostgreSQL made them with
`INSERT ... SELECT`, in the order of time; then came `VACUUM ANALYZE`, as autovacuum does it.

The selectors are those of `apps.analytics.figures`; `figures` asks for all the others, one after
the other. Each was run {rounds} times after once to warm up. Times are of the whole selector, with
its Python. *Counted* are the answers and conversations that it found.

## Time

The goal is {goal} ms for each selector. {verdict}

{times}

## How PostgreSQL read the large tables

From `EXPLAIN (ANALYZE)` of the same statements, in the same run.

{scans}

## The indexes

{indexes}

- `scores_by_time` (project, `answered_at`; with channel, key and score; only answers that have a
  score and are not replaced) serves `surveys`, from the index alone. It costs an entry for each
  survey answer, and one when a newer answer replaces it.
- `opened_by_time` (project, `opened_at`; with the channel) serves `openings`, from the index alone.
  It costs an entry for each conversation, when it is opened or reopened, and stands for the index
  that the reference to the project would have.
- `closed_by_time` (project, `ended_at`; only of closed conversations) serves `closings` and
  `lengths`, which read the rest from the rows. It costs an entry for each closed conversation, at
  an update that writes the other indexes anyway.

No other update of a conversation writes them, so what was a heap-only update (HOT) still is one;
a test holds that. There is no BRIN index: it would find the rows of a time, but of all projects,
and conversations that end together were not opened together.
"""


def render(*, run: FiguresRun) -> str:
    """The page in Markdown."""
    return _PAGE.format(
        command=run.command,
        commit=run.commit or "unknown",
        cores=run.cores,
        python=run.python,
        postgresql=run.postgresql,
        load_before=run.load[0],
        load_after=run.load[1],
        conversations=run.conversations,
        answers=run.answers,
        days=run.days,
        projects=run.projects,
        zones=run.zones,
        rounds=run.rounds,
        goal=run.goal_milliseconds,
        verdict=_verdict(run),
        times=_table(("Scope", "Selector", "Counted", "Median ms", "Slowest ms"), _times(run)),
        scans=_table(("Scope", "Selector", "Read by"), _scans(run)),
        indexes=_table(
            ("Index", "Table", "Size"),
            ([f"`{one.name}`", f"`{one.table}`", f"{one.megabytes:.0f} MB"] for one in run.indexes),
        ),
    )


def time_cells(one: Measurement) -> list[str]:
    """A row of the times, as the page and the terminal have it."""
    return [one.scope, one.selector, f"{one.counted:,}", f"{one.median:.0f}", f"{one.slowest:.0f}"]


def _verdict(run: FiguresRun) -> str:
    if not run.beyond_goal:
        return "All medians are within it."
    beyond = [f"- {one.scope}: `{one.selector}`, {one.median:.0f} ms" for one in run.beyond_goal]
    return "\n".join(["All medians are within it but these:", "", *beyond])


def _times(run: FiguresRun) -> Iterable[Sequence[str]]:
    for one in run.measurements:
        scope, selector, *numbers = time_cells(one)
        yield [scope, f"`{selector}`", *numbers]


def _scans(run: FiguresRun) -> Iterable[Sequence[str]]:
    for one in run.measurements:
        if one.selector != "figures":
            yield [one.scope, f"`{one.selector}`", ", ".join(one.scans)]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
