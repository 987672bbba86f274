"""The result as a page of the documentation. Every figure comes from the run."""

from collections.abc import Iterable, Sequence

from bench.rows import FIFO, STOCK, fault_rows, load_rows
from bench.transport.result import Run

_PAGE = """\
# Stock Celery beside this transport

Made by `{command}`: do not edit, run it again. Commit {commit}; {cores} cores,
Python {python}, Celery {celery}, kombu {kombu}. Both subjects ran in that one
command, on the same model of SQS (`testbed/sqs`, on loopback, filling each batch from
one group first, as AWS documents), with {concurrency} pool processes and three trivial steps for
each event.

- **{stock}**: kombu's own SQS transport, one predefined FIFO queue. The three tasks are
  a Celery chain; each message carries its event's `MessageGroupId`. Late acknowledgement and
  `task_reject_on_worker_lost` are on, the prefetch multiplier is Celery's default. There is no
  redrive policy.
- **{fifo}**: `celery_sqs_fifo` with its default bundles. The three tasks run in one
  delivery.

## Load

{sent} events of {groups} groups were on the queue before the worker started. Calls are those that
the server logged from the worker's start until the queue was empty or time was up, without
`GetQueueAttributes`, by which this command looks at the queue.

{load}

An event is *out of order* if the last step took effect for a later event of its group first. It
was *begun early* if an earlier event of its group, begun in another process, had not taken effect.
A bundle of this transport takes several events of a group through a step one after the other, in
one process. In all three counts 0 is right.

## Faults

Each fault happened alone, on fresh queues, to both at the same time, while they worked on events
of {groups_of_faults} groups, with steps of {step_milliseconds} ms; then more events followed.

- *Worker*: of the first worker and the new ones, those that ended by themselves, and what they
  logged. A worker can go on running and receive nothing.
- *Receives again*: an event that was sent after the fault took effect without a new worker. Where
  none did, or where messages were left, the leases were ended, as SQS does after the visibility
  timeout, and up to {most_restarts} new workers were started one after the other.
- *Took effect*, *lost* and *order*: in the end, with what the new workers did. Lost is what took no
  effect although the queue was empty, and is no dead letter either.
- *Repeated*: a step took effect again. The steps of a service have to be idempotent.

The foreign body is not counted among the events.

{faults}
"""


def render(*, run: Run) -> str:
    """The page in Markdown."""
    return _PAGE.format(
        command=run.command,
        commit=run.commit or "unknown",
        cores=run.cores,
        python=run.python,
        celery=run.celery,
        kombu=run.kombu,
        concurrency=run.concurrency,
        stock=STOCK,
        fifo=FIFO,
        sent=run.stock.sent,
        groups=run.groups,
        groups_of_faults=run.fault_groups,
        most_restarts=run.most_restarts,
        step_milliseconds=run.fault_step_milliseconds,
        load=_table(("", STOCK, FIFO), load_rows(run)),
        faults="\n\n".join(_fault_tables(run)),
    )


def _fault_tables(run: Run) -> Iterable[str]:
    for pair in run.faults:
        yield f"### {pair.fault[:1].upper()}{pair.fault[1:]}\n\n" + _table(
            ("", STOCK, FIFO), fault_rows(pair)
        )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
