"""The work of a subject, the calls and CPU time that it needed, and the cost of one event."""

from collections import Counter
from dataclasses import dataclass, field

from bench.common.tables import Figures
from operations.planning.prices import PRICES, Prices


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The work of a subject so far, and the resources that it has used.

    `stored` counts the messages that it stored, repetitions included, and `answers` the survey
    answers. `sqs` and `dynamodb` count calls by action.
    """

    stored: int = 0
    answers: int = 0
    cpu_seconds: float = 0.0
    sqs: Counter[str] = field(default_factory=Counter)
    dynamodb: Counter[str] = field(default_factory=Counter)
    write_units: int = 0
    read_units: float = 0.0
    sql: int = 0

    def since(self, before: "Counts") -> "Counts":
        """Return the difference from earlier counts."""
        return Counts(
            stored=self.stored - before.stored,
            answers=self.answers - before.answers,
            cpu_seconds=self.cpu_seconds - before.cpu_seconds,
            sqs=self.sqs - before.sqs,
            dynamodb=self.dynamodb - before.dynamodb,
            write_units=self.write_units - before.write_units,
            read_units=self.read_units - before.read_units,
            sql=self.sql - before.sql,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """The costs of a backlog for one subject. Memory and CPU are those of all its processes."""

    events: int
    seconds: float
    events_per_second: float
    cpu_ms_per_event: float
    sqs_calls_per_event: float
    dynamodb_calls_per_event: float
    write_units_per_event: float
    sql_per_event: float
    inversions: int
    peak_rss_mb: float


COST_FIGURES: Figures[Costs] = {
    "events": lambda one: f"{one.events:,}",
    "events per second": lambda one: f"{one.events_per_second:,.0f}",
    "CPU per event, ms": lambda one: f"{one.cpu_ms_per_event:.2f}",
    "SQS calls per event": lambda one: f"{one.sqs_calls_per_event:.2f}",
    "DynamoDB calls per event": lambda one: f"{one.dynamodb_calls_per_event:.2f}",
    "DynamoDB write units per event": lambda one: f"{one.write_units_per_event:,.2f}",
    "SQL statements per event": lambda one: f"{one.sql_per_event:.2f}",
    "messages stored out of order": lambda one: f"{one.inversions:,}",
}


def dollars_per_million(*, counts: Counts, events: int, prices: Prices = PRICES) -> float:
    """Return the price of the AWS calls for a million events, in US dollars."""
    charged = (
        counts.sqs.total() * prices.sqs_fifo_requests
        + counts.write_units * prices.dynamodb_write_units
        + counts.read_units * prices.dynamodb_read_units
    )
    return charged / events
