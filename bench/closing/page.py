"""The page about closing many conversations."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from bench.closing.result import Closings, Live
from bench.common.benchmark import Benchmark
from bench.common.goals import Goal
from bench.common.statistics import percentile
from bench.common.tables import Table

# The goals for one conversation: SQL statements, and SQS calls that send.
MAX_STATEMENTS = 0.02
MAX_SENDS = 0.1


def _tables(run: Closings) -> dict[str, Table | str]:
    return {
        "sweep": Table(head=("sweep", "found"), rows=list(_sweep_rows(run))),
        "closings": Table(head=("closing", "found"), rows=list(_storm_rows(run))),
        "latencies": Table(
            head=("live messages", "alone", "while closing", "ratio"), rows=list(_live_rows(run))
        ),
    }


def _goals(run: Closings) -> list[Goal]:
    sweep = run.sweep
    return [
        Goal(
            name="pointers on the queue, for all conversations that were due",
            wanted=sweep.conversations,
            at_least=True,
            measured=sweep.pointers,
        ),
        Goal(
            name="SQL statements per conversation",
            wanted=MAX_STATEMENTS,
            measured=sweep.statements_each,
        ),
        Goal(
            name="SQS `SendMessageBatch` per conversation",
            wanted=MAX_SENDS,
            measured=sweep.calls_each("SendMessageBatch"),
        ),
    ]


def _sweep_rows(run: Closings) -> Iterable[Sequence[str]]:
    sweep = run.sweep
    yield ["pointers on the queue", f"{sweep.pointers:,}"]
    yield ["conversations claimed and sent per second", f"{sweep.per_second:,.0f}"]
    yield ["SQL statements per conversation", f"{sweep.statements_each:.4f}"]
    sends = sweep.calls_each("SendMessageBatch")
    yield ["SQS `SendMessageBatch` per conversation", f"{sends:.4f}"]
    yield ["SQS calls of all actions per conversation", f"{sweep.all_calls_each:.4f}"]
    for action, count in sorted(sweep.calls.items()):
        yield [f"calls of `{action}`", f"{count:,}"]


def _storm_rows(run: Closings) -> Iterable[Sequence[str]]:
    storm = run.storm
    yield ["closed and archived per second", f"{storm.closed_per_second:,.0f}"]
    yield ["seconds until all were closed and archived", f"{storm.seconds:.0f}"]
    yield ["ticks of beat in that time", str(storm.ticks)]
    yield ["most messages seen waiting on the queue", f"{storm.most_waiting:,}"]


def _live_rows(run: Closings) -> Iterable[Sequence[str]]:
    quiet, storm = run.storm.quiet, run.storm.storm
    yield ["sent", f"{quiet.sent:,}", f"{storm.sent:,}", ""]
    yield ["took effect", f"{len(quiet.deleted):,}", f"{len(storm.deleted):,}", ""]
    times: dict[str, Callable[[Live], Sequence[float]]] = {
        "received": lambda live: live.received,
        "deleted": lambda live: live.deleted,
    }
    for name, times_of in times.items():
        for label, percent in (("median", 50), ("95th percentile", 95)):
            alone = percentile(times_of(quiet), percent)
            while_closing = percentile(times_of(storm), percent)
            # Without closings, a message is received almost immediately, so the ratio would be
            # meaningless.
            ratio = "" if name == "received" else f"{while_closing / alone:.1f}"
            yield [f"{name}, {label}", f"{alone:.0f} ms", f"{while_closing:,.0f} ms", ratio]


BENCHMARK = Benchmark(
    name="closing-scale",
    command="make bench-closing",
    result=Closings,
    template=Path(__file__).with_name("page.md"),
    parts=_tables,
    goals=_goals,
)
