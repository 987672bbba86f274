"""The page about the benchmark. Every figure comes from the runs."""

from bench.common.markdown import table
from bench.common.svg import Bar, bar_chart
from bench.comparison_rows import backlog_rows, call_rows, goal_rows, head, latency_rows
from bench.event_cost.comparison_result import Comparison
from bench.event_cost.goals import goals
from bench.event_cost.growth_page import growth_charts, growth_part
from bench.event_cost.growth_result import Growth

_PAGE = """\
# What an event costs

Made by `make bench` and `make bench-growth`: do not edit, run them again. The whole result is in
[bench.json](../bench.json). Figures of time are of one machine and of models of SQS and DynamoDB on
it; ratios between subjects of one run, and counts, hold elsewhere.

## Goals

{goals}

## Four subjects in one run

{circumstances}

Each subject ran alone, in turn, with {processes} processes for the work, against the same servers:
the model of SQS in `testbed/sqs` (filling a receive from one group first, as AWS
documents), that of DynamoDB in `testbed/dynamodb`, and PostgreSQL from the embedded
wheel. Each had a queue, a table and a database of its own. The events are messages with
{text_characters} characters of text, of {contacts} contacts whose conversations are open.

- **this service**: `celery -A config worker`, as in production, without worker events and remote
  control.
- **stock Celery**: Celery with kombu's own SQS transport and the same three tasks as a chain, each
  step a message of its event's group. Late acknowledgement is on, and Celery's closing of the
  connection to PostgreSQL around every task is off, in its favour.
- **bare loop**: boto3 and nothing else, event by event: receive ten, for each one SQL statement and
  one write to DynamoDB, delete ten. Errors end it.
- **bare loop, in tens**: the same with one statement and one write for the ten events of a receive.
  The service gathers several receives, and so asks less of PostgreSQL and DynamoDB than this.

All four do their storage work with the service's own functions. An event has taken effect when the
server of DynamoDB has stored its message; order, effects and calls are read from the servers, CPU
and memory from the system. SQL statements are counted by PostgreSQL (pg_stat_statements), `BEGIN`
and `COMMIT` included.

{backlog}

![Events per second](charts/bench-throughput.svg)

![CPU per event](charts/bench-cpu.svg)

Under backlog, all events were on the queue before the subject could begin, and it had done some of
other numbers before. CPU is that of all its processes, until its queue was empty. Memory is the sum
of their resident memory: what they share counts for each. A message is *out of order* if it was
first stored after a later one of its contact.

Calls by action, for one event:

{calls}

The cost is that of AWS's list prices of {price_date} in {price_region}: for a million, ${sqs:.2f}
for requests to an SQS FIFO queue, ${writes:.3f} for DynamoDB's write units and ${reads:.3f} for its
read units, on demand. Machines and PostgreSQL come on top. Sources:

{sources}

### Single events

{latency}

At *half load*, single events were sent at half of the subject's own events per second; with *no
backlog*, at {no_backlog} a second. *On the queue* is from the end of the send to the end of the
receive that brought the event. *Receive to effect* ends when its message is stored.

{growth}"""

_NO_GROWTH = """\
## Growth

Not measured yet: run `make bench-growth`.
"""


def render(*, comparison: Comparison, growth: Growth | None) -> str:
    """The page in Markdown."""
    prices = comparison.prices
    return _PAGE.format(
        goals=table(("goal", "wanted", "measured", ""), goal_rows(goals(comparison, growth))),
        circumstances=comparison.machine.sentence(
            command=comparison.command, commit=comparison.commit
        ),
        processes=comparison.processes,
        contacts=comparison.contacts,
        text_characters=comparison.text_characters,
        backlog=table(head(comparison), backlog_rows(comparison)),
        calls=table(head(comparison), call_rows(comparison)),
        latency=table(head(comparison), latency_rows(comparison)),
        no_backlog=f"{comparison.no_backlog_per_second:g}",
        price_date=prices.date,
        price_region=prices.region,
        sqs=prices.sqs_fifo_requests,
        writes=prices.dynamodb_write_units,
        reads=prices.dynamodb_read_units,
        sources="\n".join(f"- <{source}>" for source in prices.sources),
        growth=growth_part(growth) if growth else _NO_GROWTH,
    )


def charts(*, comparison: Comparison, growth: Growth | None) -> dict[str, str]:
    """The charts of the page, by file name."""
    drawn = {
        "bench-throughput.svg": bar_chart(
            title="Events per second, under backlog",
            bars=_bars(comparison, "events_per_second", "{:,.0f}"),
        ),
        "bench-cpu.svg": bar_chart(
            title="CPU per event in milliseconds, under backlog",
            bars=_bars(comparison, "cpu_ms_per_event", "{:.2f}"),
        ),
    }
    return drawn | (growth_charts(growth) if growth else {})


def _bars(comparison: Comparison, figure: str, form: str) -> list[Bar]:
    return [
        Bar(
            label=subject.title,
            value=getattr(subject, figure),
            text=form.format(getattr(subject, figure)),
            is_accented=name == "service",
        )
        for name, subject in comparison.subjects.items()
    ]
