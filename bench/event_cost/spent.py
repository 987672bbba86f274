"""What events have needed from the first call to the last, and what that costs."""

from dataclasses import dataclass, fields

from bench.common.costs import Counts
from operations.planning.prices import PRICES


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """The resources that `events` needed together. Their sends are not part of `sqs_calls`."""

    events: int
    cpu_seconds: float
    sqs_calls: float
    sql: float
    dynamodb_calls: float
    write_units: float
    read_units: float

    @classmethod
    def of(cls, counts: Counts, *, events: int) -> "Spent":
        """Return what these counts, without the sends of the benchmark, say about its events."""
        return cls(
            events=events,
            cpu_seconds=counts.cpu_seconds,
            sqs_calls=float(counts.sqs.total()),
            sql=float(counts.sql),
            dynamodb_calls=float(counts.dynamodb.total()),
            write_units=float(counts.write_units),
            read_units=float(counts.read_units),
        )

    def __add__(self, other: "Spent") -> "Spent":
        """Return what the events of both needed together."""
        return Spent(
            **{one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)}
        )

    def scaled_to(self, events: int) -> "Spent":
        """Return what that many events need, if each of them needs as much."""
        factor = events / self.events
        return Spent(
            events=events,
            cpu_seconds=self.cpu_seconds * factor,
            sqs_calls=self.sqs_calls * factor,
            sql=self.sql * factor,
            dynamodb_calls=self.dynamodb_calls * factor,
            write_units=self.write_units * factor,
            read_units=self.read_units * factor,
        )

    @property
    def sqs_calls_each(self) -> float:
        """The SQS calls per event."""
        return self.sqs_calls / self.events

    @property
    def cpu_ms_each(self) -> float:
        """The CPU time per event, in milliseconds."""
        return self.cpu_seconds / self.events * 1_000

    @property
    def dollars_per_million(self) -> float:
        """The price of the AWS calls of a million events, in US dollars, without their sends."""
        charged = (
            self.sqs_calls * PRICES.sqs_fifo_requests
            + self.write_units * PRICES.dynamodb_write_units
            + self.read_units * PRICES.dynamodb_read_units
        )
        return charged / self.events
