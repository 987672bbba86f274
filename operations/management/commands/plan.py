"""`manage.py plan`"""

from textwrap import fill
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.common import aws
from celery_sqs_fifo.options import MAX_HELD
from operations.management.command_line import OperatorCommand, count, number, whole_number
from operations.planning.plan import MAX_BUSY, Demand, Plan, make_plan
from operations.planning.prices import PRICES

_MAX_RATE = 100_000
_RATE = number(what="a rate", minimum=0.001, maximum=_MAX_RATE)
_MILLISECONDS = number(what="a number of milliseconds", minimum=0, maximum=10_000)


class Command(OperatorCommand):
    """Print what a rate of events needs."""

    help = (
        "Print how many workers, pool processes, connections and units a rate of events needs, "
        "which quotas it comes near to, and what a month costs. It reads no settings of AWS and "
        "changes nothing. docs/scaling.md explains the numbers."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments of the command line."""
        parser.add_argument(
            "--events-per-second",
            type=_RATE,
            required=True,
            metavar="RATE",
            help="the rate of the busiest minutes",
        )
        parser.add_argument(
            "--average",
            type=_RATE,
            metavar="RATE",
            help="the average rate of a month, for the costs (default: the same)",
        )
        parser.add_argument(
            "--messages-per-conversation",
            type=whole_number(what="a number of messages", maximum=100_000),
            default=12,
            metavar="NUMBER",
            help="default: 12",
        )
        parser.add_argument(
            "--processes-per-worker",
            type=whole_number(what="a number of processes", maximum=256),
            default=4,
            metavar="NUMBER",
            help="celery's --concurrency (default: 4)",
        )
        parser.add_argument(
            "--sql-ms",
            type=_MILLISECONDS,
            default=1.0,
            metavar="MS",
            help="how long PostgreSQL takes for a statement (default: 1)",
        )
        parser.add_argument(
            "--dynamodb-ms",
            type=_MILLISECONDS,
            default=5.0,
            metavar="MS",
            help="how long DynamoDB takes for a call (default: 5)",
        )

    def handle(
        self,
        *,
        events_per_second: float,
        average: float | None,
        messages_per_conversation: int,
        processes_per_worker: int,
        sql_ms: float,
        dynamodb_ms: float,
        **_options: Any,
    ) -> None:
        """Run the command. Raise CommandError if the average exceeds the peak."""
        average = average or events_per_second
        if average > events_per_second:
            raise CommandError(
                f"--average {average:g} exceeds --events-per-second {events_per_second:g}, the "
                "rate of the busiest minutes."
            )
        demand = Demand(
            peak=events_per_second,
            average=average,
            messages_each=messages_per_conversation,
            processes_each=processes_per_worker,
            sql_ms=sql_ms,
            dynamodb_ms=dynamodb_ms,
        )
        plan = make_plan(demand, max_held=MAX_HELD)
        for name, text in _lines(plan, demand).items():
            self.stdout.write(
                fill(text, width=80, initial_indent=f"{name:<13} ", subsequent_indent=14 * " ")
            )


def _lines(plan: Plan, demand: Demand) -> dict[str, str]:
    """Return a text for each subject."""
    processes = "process" if demand.processes_each == 1 else "processes"
    busiest = max(plan.sends, plan.receives_and_deletes / 2)
    fits = (
        "That needs high throughput mode, or producers that send in batches."
        if busiest > aws.SQS_FIFO_MAX_CALLS_PER_SECOND
        else "That fits without high throughput mode."
    )
    return {
        "Workers": (
            f"{plan.workers} with {demand.processes_each} pool {processes} each. They are busy for "
            f"at most {MAX_BUSY:.0%} of their time, and need {max(plan.processors, 0.1):,.1f} "
            "processors like those of docs/bench.md."
        ),
        "Connections": (
            f"{plan.connections} to PostgreSQL: one for each process of the workers, beat and each "
            "thread of the admin site. A command needs one more."
        ),
        "Parallelism": (
            f"{count(plan.groups, 'message group')} must have events at the same time. The events "
            "of one group run one batch after the other, so more processes than groups do not help."
        ),
        "SQS": (
            f"{_rounded(plan.sends, 'send')} a second, and {plan.receives_and_deletes:,.0f} "
            f"receives and deletes ({plan.event.sqs_calls:.2f} for each event). {fits} "
            f"Workers hold up to {plan.in_flight:,} messages in flight, of "
            f"{aws.SQS_FIFO_MAX_IN_FLIGHT:,}. Parked events come on top."
        ),
        "DynamoDB": (
            f"{_rounded(plan.write_units, 'write unit')} and "
            f"{_rounded(plan.read_units, 'read unit')} a second, for messages of up to 1 KB."
        ),
        "PostgreSQL": (
            f"{_rounded(plan.sql, 'statement')} a second ({plan.event.sql:.2f} for each event)."
        ),
        "AWS calls": (
            f"${plan.dollars_of_month:,.2f} in 30 days, and ${plan.dollars_of_sends:,.2f} for the "
            f"sends of producers, at the prices of {PRICES.date} in {PRICES.region}. Machines and "
            "PostgreSQL come on top."
        ),
    }


def _rounded(amount: float, noun: str) -> str:
    """Return "1 unit" or "2,000 units"."""
    text = f"{amount:,.0f}"
    return f"{text} {noun}" if text == "1" else f"{text} {noun}s"
