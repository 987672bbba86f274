"""The page about the task that deletes what is beyond its retention."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from bench.common.benchmark import Benchmark
from bench.common.goals import Goal
from bench.common.tables import Table, in_rows
from bench.retention.result import Retention, RetentionRun

# With fewer conversations, PostgreSQL reads small tables as a whole.
MIN_CONVERSATIONS = 1_000_000
MAX_ROWS_READ_EACH = 10.0
MAX_SHARE_OF_LIMIT = 0.1
MAX_GROWTH = 2.0
# A run in which nothing is due still searches once for each project and kind.
MAX_IDLE_SHARE = 0.1


def _tables(run: Retention) -> dict[str, Table | str]:
    numbered = list(enumerate(run.runs, start=1))
    return {
        "kinds": in_rows(
            run.kinds,
            {
                "What": lambda kind: kind.name,
                "Retention": lambda kind: kind.retention,
                "Stored": lambda kind: f"{kind.stored:,}",
                "Due": lambda kind: f"{kind.due:,}",
                "Still due after the runs": lambda kind: f"{kind.left:,}",
            },
            title="Retention",
        ),
        "runs": in_rows(
            numbered,
            {
                "Run": lambda one: str(one[0]),
                "Removed": lambda one: _removed(one[1]),
                "Rows changed": lambda one: f"{one[1].changed:,}",
                "Rows read per row changed": lambda one: f"{one[1].rows_read_each:.1f}",
                "Blocks per row changed": lambda one: f"{one[1].blocks_each:.1f}",
                "Statements": lambda one: f"{one[1].statements:,}",
                "Longest, share of the limit": lambda one: f"{_share_of_limit(run, one[1]):.2%}",
                "Longest statement": lambda one: f"`{one[1].longest}`",
                "DynamoDB calls": lambda one: f"{one[1].dynamodb_calls:,}",
            },
            title="Runs",
        ),
        "growth": in_rows(
            run.growths,
            {
                "What": lambda one: one.kind,
                "Runs": lambda one: f"{one.runs:,}",
                "Blocks per row, first run": lambda one: f"{one.first:.1f}",
                "Last run": lambda one: f"{one.last:.1f}",
                "Ratio": lambda one: f"{one.ratio:.2f}",
            },
            title="Growth",
        ),
        "idle": Table(
            title="A run in which nothing is due",
            head=("", "First run", "Nothing due", "Ratio", "Nothing due, after VACUUM", "Ratio"),
            rows=list(_idle_rows(run)),
        ),
    }


def _idle_rows(run: Retention) -> Iterable[Sequence[str]]:
    figures: dict[str, Callable[[RetentionRun], float]] = {
        "rows read": lambda one: one.rows_read,
        "blocks": lambda one: one.blocks,
        "statements": lambda one: one.statements,
        "calls of DynamoDB": lambda one: one.dynamodb_calls,
    }
    first = run.runs[0]
    for name, of in figures.items():
        ratios = [f"{of(one) / of(first):.4f}" for one in (run.idle, run.idle_after_vacuum)]
        numbers = [f"{of(one):,.0f}" for one in (run.idle, run.idle_after_vacuum)]
        yield [name, f"{of(first):,.0f}", numbers[0], ratios[0], numbers[1], ratios[1]]
    ratios = [f"{one.seconds / first.seconds:.4f}" for one in (run.idle, run.idle_after_vacuum)]
    yield ["time", "", "", ratios[0], "", ratios[1]]


def _goals(run: Retention) -> list[Goal]:
    if run.conversations < MIN_CONVERSATIONS:
        return []
    first = run.runs[0]
    return [
        Goal(
            name="what is still due after the runs",
            wanted=0,
            measured=sum(kind.left for kind in run.kinds),
        ),
        Goal(
            name="the longest statement of all runs, as a share of the limit",
            wanted=MAX_SHARE_OF_LIMIT,
            measured=max(_share_of_limit(run, one) for one in run.runs),
        ),
        Goal(
            name="rows read per row changed, in the worst run",
            wanted=MAX_ROWS_READ_EACH,
            measured=max(one.rows_read_each for one in run.runs),
        ),
        Goal(
            name="blocks per row changed in the last run of a kind, divided by those in its first",
            wanted=MAX_GROWTH,
            measured=max((one.ratio for one in run.growths), default=0),
        ),
        Goal(
            name="rows read if nothing is due, divided by those of the first run",
            wanted=MAX_IDLE_SHARE,
            measured=run.idle.rows_read / first.rows_read,
        ),
        Goal(
            name="blocks if nothing is due, divided by those of the first run, after VACUUM",
            wanted=MAX_IDLE_SHARE,
            measured=run.idle_after_vacuum.blocks / first.blocks,
        ),
    ]


def _removed(one: RetentionRun) -> str:
    return ", ".join(f"{number:,} {kind}" for kind, number in one.removed.items())


def _share_of_limit(run: Retention, one: RetentionRun) -> float:
    return one.longest_seconds / run.statement_timeout_seconds


BENCHMARK = Benchmark(
    name="retention",
    command="make bench-retention",
    result=Retention,
    template=Path(__file__).with_name("page.md"),
    parts=_tables,
    goals=_goals,
)
