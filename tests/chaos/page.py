"""A run as a page of the documentation. Every figure comes from the run."""

from collections.abc import Iterable, Sequence

from tests.chaos.result import ChaosRun
from tests.chaos.rows import fault_rows, latency_rows, summary_rows

_PAGE = """\
# Everything that fails, at once

Made by `{command}`: do not edit, run it again. Seed {seed}, commit {commit}; {cores} cores,
{memory:.0f} GB of memory, Python {python}, Celery {celery}, PostgreSQL {postgresql}.

The service ran as its users have it for {seconds:,.0f} seconds: {workers} workers with
{concurrency} pool processes each, and beat, on the strict model of SQS
(`testbed/sqs`), a model of DynamoDB (`testbed/dynamodb`), a real
PostgreSQL, Valkey, and a data lake in files. All of it, the producers included, shared one machine.

Events with known effects came all the time: messages of {groups:,} groups, edits, messages sent
again, survey answers, closes, takeovers, poison (one in a hundred), one group with 30% of the
traffic, contacts of whom two producers write with different group ids, and a project whose closing
time fell into the run. When nothing waited any more, a checker that imports none of the service's
code read PostgreSQL, DynamoDB, the dead letters and the lake, and compared.

`SEED={seed} {command}` has the same events and the same faults at the same times. Which event a
kill meets differs from run to run.

## What came of it

{summary}

- *Lost*: took no effect, or was given up. *Duplicated*: took effect more than once.
- *Out of order*: took effect before an earlier one of its group, or stands in a transcript before
  an older one.
- *Misattributed*: took effect on another conversation than the closes before it in its group say.
- *Stuck*: still waited on the queue, in DynamoDB or in the outbox when all had drained.

{kinds}

When the load was over and all faults were healed, the
service needed {drain:.1f} s until nothing waited any more. In these seconds the waits of 15 minutes
that the service has for late messages and for claims of dead workers were cut short in PostgreSQL.

## The faults

Each alone, in the order of the seed, and then everything at once. *Back after* is the time from the
end of a fault until the backlog was what it was before, or less than a second of traffic. The next
fault begins a few seconds later, so some of it may be the next one's.

{faults}

## How long events took

From being sent to being deleted, when their three steps are done. *No fault* are those that were
sent and done while there was none, and the backlog of the last one was gone.

{latencies}
"""


def render(*, run: ChaosRun) -> str:
    """The page in Markdown."""
    return _PAGE.format(
        command=run.command,
        seed=run.seed,
        commit=run.commit or "unknown",
        cores=run.machine.cores,
        memory=run.machine.memory_gigabytes,
        python=run.machine.python,
        celery=run.machine.celery,
        postgresql=run.machine.postgresql,
        seconds=run.seconds,
        workers=run.workers,
        concurrency=run.concurrency,
        groups=run.groups,
        summary=_table(("", ""), summary_rows(run)),
        kinds=_table(("Events", ""), ([kind, f"{n:,}"] for kind, n in run.kinds.items())),
        drain=run.drain_seconds,
        faults=_table(
            ("Fault", "times", "backlog before", "highest", "back after"), fault_rows(run)
        ),
        latencies=_table(("", "events", "p50", "p99"), latency_rows(run)),
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
