"""The result as a page of the documentation. Every figure comes from the run."""

from collections.abc import Callable, Iterable, Sequence
from statistics import median

from bench.control.result import Backlog, ControlRun, Variant

GOAL = 0.9

_PAGE = """\
# What events and remote control cost

Made by `{command}`: do not edit, run it again. Commit {commit}; {cores} cores,
Python {python}, Celery {celery}, kombu {kombu}. All on one machine, whose load
average was {load_before:.1f} when the measuring began and {load_after:.1f} when it ended.

{sent:,} events of {groups} groups were on a fresh queue of the model of SQS
(`testbed/sqs`, filling each batch from one group first) before a worker with
{concurrency} processes started. Its three steps write a line each, so the share of worker events in
the work is as large as it can be. There were {rounds} rounds; each had all four variants, every
time in another order.

- **no control broker**: `CELERY_CONTROL_URL` is not set.
- **events on**: each of the three tasks of a delivery tells of its beginning and its end.
- **broker frozen midway**: when half of the events are done, the broker is stopped (SIGSTOP). It
  still accepts connections, and answers nobody.
- **broker killed midway**: its connections close, and new ones are refused.

{table}

The ratios are those of events per second to the run without a broker in the same round; the
spread is that of the rounds. *Second half* is what came after the blow. CPU is that of the worker's
processes since it was ready; on a machine with other work it says more than events per second do.
An event is out of order if its last step took effect before that of an earlier one of its group.

The goal is a ratio of {goal} with events on, and nothing lost, out of order or repeated ever.
{verdict}
"""


def render(*, run: ControlRun) -> str:
    """The page in Markdown."""
    return _PAGE.format(
        command=run.command,
        commit=run.commit or "unknown",
        cores=run.cores,
        python=run.python,
        celery=run.celery,
        kombu=run.kombu,
        load_before=run.load[0],
        load_after=run.load[1],
        sent=run.variants[0].backlogs[0].sent,
        groups=run.groups,
        concurrency=run.concurrency,
        rounds=len(run.variants[0].backlogs),
        table=_table(head(run), rows(run)),
        goal=GOAL,
        verdict=verdict(run),
    )


def head(run: ControlRun) -> list[str]:
    """The names of the variants."""
    return ["", *(variant.name for variant in run.variants)]


def rows(run: ControlRun) -> Iterable[Sequence[str]]:
    """Ratios first; what depends on the machine last."""
    bare = run.variants[0]
    yield _row("events per second, ratio", run, lambda one: _spread(one.ratios_to(bare)))
    yield _row("the same, second half", run, lambda one: _spread(one.late_ratios_to(bare)))
    yield _row("CPU time, ratio", run, lambda one: f"{one.cpu_ratio_to(bare):.2f}")
    yield _sum("events lost", run, lambda one: one.lost)
    yield _sum("events out of order", run, lambda one: one.order.inversions)
    yield _sum("steps repeated", run, lambda one: one.repeated)
    yield _sum("dead letters", run, lambda one: one.dead_letters)
    yield _row("messages to the broker per event", run, _publishes)
    yield _row("events per second, in this run", run, lambda one: f"{one.events_per_second:,.0f}")


def verdict(run: ControlRun) -> str:
    """Whether this run reached the goals."""
    bare, events_on, *_others = run.variants
    ratio = median(events_on.ratios_to(bare) or [0.0])
    flaws = sum(
        one.lost + one.order.inversions + one.repeated + one.dead_letters
        for variant in run.variants
        for one in variant.backlogs
    )
    reached = "reached" if ratio >= GOAL else "missed"
    kept = "missed" if flaws else "reached"
    return f"This run {reached} the first ({ratio:.2f}) and {kept} the second."


def _publishes(variant: Variant) -> str:
    messages = sum(one.publishes for one in variant.backlogs)
    return f"{messages / sum(one.done for one in variant.backlogs):.3f}" if messages else "-"


def _spread(ratios: Sequence[float]) -> str:
    if not ratios:
        return "-"
    return f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def _row(name: str, run: ControlRun, text: Callable[[Variant], str]) -> list[str]:
    return [name, *map(text, run.variants)]


def _sum(name: str, run: ControlRun, count: Callable[[Backlog], int]) -> list[str]:
    return _row(name, run, lambda variant: str(sum(map(count, variant.backlogs))))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
