"""The result as a page of the documentation. Every figure comes from the run."""

from collections.abc import Iterable, Sequence

from bench.closing.result import ClosingRun, percentile

_PAGE = """\
# Very many conversations that close at the same time

Made by `{command}`: do not edit, run it again. Commit {commit};
{cores} cores, Python {python}, PostgreSQL {postgresql} as the embedded stack starts it, on the
model of SQS in `testbed/sqs`, all on one machine. The load average of the machine was
{load_before:.1f} when the measuring began and {load_after:.1f} when it ended.

## The sweep

{conversations:,} conversations are due at the same instant. `close_due_conversations` ran in one
process until none was left: {page} are claimed at once, and their pointers sent ten with one call.
After each page, and outside of the time, another connection closed what was claimed, as workers do
that keep up; otherwise the sweep would pause when {most_waiting:,} wait.

{sweep}

SQL statements are those of the task, without `BEGIN` and `COMMIT`. Calls are those that the server
logged; `SendMessage` is the next tick, one for each full page. Times are of this machine and a
model of SQS on it: only the counts hold elsewhere.

## Live messages meanwhile

A worker with {concurrency} processes, the model of DynamoDB in
`testbed/dynamodb`, and {per_second:g} live messages a second of
{contacts} contacts: first alone, then while {storm:,} conversations with {each} messages each were
closed and archived. Beat's tick was sent every minute. All processes share the {cores} cores.

{closings}

{latencies}

*Received* is from the end of the call that sent a message to the end of the call that brought it to
the worker: what closings have it wait for on the queue. *Deleted* is until the end of the call that
deleted it, when its three steps are done. A worker deletes in batches, for which a message waits up
to a second. The ratio is that of the two columns before it.

The model of SQS hands out the oldest message that may be received, so a live message waits until
the worker has taken the pointers that were sent before it, of which {page} come at once.
"""


def render(*, run: ClosingRun) -> str:
    """The page in Markdown."""
    return _PAGE.format(
        command=run.command,
        commit=run.commit or "unknown",
        cores=run.cores,
        python=run.python,
        postgresql=run.postgresql,
        load_before=run.load[0],
        load_after=run.load[1],
        conversations=run.sweep.conversations,
        page=run.page,
        most_waiting=run.most_waiting,
        sweep=_table(("", "Found", "Goal"), sweep_rows(run)),
        concurrency=run.storm.concurrency,
        per_second=run.storm.per_second,
        contacts=run.storm.contacts,
        storm=run.storm.conversations,
        each=run.storm.messages_each,
        closings=_table(("", ""), storm_rows(run)),
        latencies=_table(("Live messages", "alone", "while closing", "ratio"), live_rows(run)),
    )


def sweep_rows(run: ClosingRun) -> Iterable[Sequence[str]]:
    """What the sweep took, beside its goals."""
    sweep = run.sweep
    yield ["pointers on the queue", f"{sweep.pointers:,}", f"{sweep.conversations:,}"]
    yield ["conversations claimed and sent per second", f"{sweep.per_second:,.0f}", ""]
    yield [
        "SQL statements per conversation",
        f"{sweep.statements_each:.4f}",
        f"{run.goal_statements:g}",
    ]
    yield [
        "SQS `SendMessageBatch` per conversation",
        f"{sweep.calls_each('SendMessageBatch'):.4f}",
        f"{run.goal_sends:g}",
    ]
    yield ["SQS calls of all actions per conversation", f"{sweep.all_calls_each:.4f}", ""]
    for action, count in sorted(sweep.calls.items()):
        yield [f"calls of `{action}`", f"{count:,}", ""]


def storm_rows(run: ClosingRun) -> Iterable[Sequence[str]]:
    """How the closings went."""
    storm = run.storm
    yield ["closed and archived per second", f"{storm.closed_per_second:,.0f}"]
    yield ["seconds until all were", f"{storm.seconds:.0f}"]
    yield ["ticks of beat in that time", str(storm.ticks)]
    yield ["most messages seen waiting on the queue", f"{storm.most_waiting:,}"]


def live_rows(run: ClosingRun) -> Iterable[Sequence[str]]:
    """The latencies of live messages in both phases."""
    quiet, storm = run.storm.quiet, run.storm.storm
    yield ["sent", f"{quiet.sent:,}", f"{storm.sent:,}", ""]
    yield ["took effect", f"{len(quiet.deleted):,}", f"{len(storm.deleted):,}", ""]
    for name, percent in (("median", 50), ("95th percentile", 95)):
        alone, beside = percentile(quiet.received, percent), percentile(storm.received, percent)
        # Alone it is next to nothing, and a ratio to that says nothing.
        yield [f"received, {name}", f"{alone:.0f} ms", f"{beside:,.0f} ms", ""]
    for name, percent in (("median", 50), ("95th percentile", 95)):
        alone, beside = percentile(quiet.deleted, percent), percentile(storm.deleted, percent)
        yield [f"deleted, {name}", f"{alone:.0f} ms", f"{beside:,.0f} ms", f"{beside / alone:.1f}"]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
