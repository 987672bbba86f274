"""What AWS charges for the calls of an event."""

from dataclasses import dataclass

from bench.common.counts import Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """List prices in US dollars for a million, without free tiers."""

    date: str
    region: str
    sources: tuple[str, ...]
    sqs_fifo_requests: float
    dynamodb_write_units: float
    dynamodb_read_units: float


# SQS bills a request for each 64 KB begun; the events of the comparison are far below.
PRICES = Prices(
    date="November 2024",
    region="us-east-1",
    sources=(
        "https://aws.amazon.com/sqs/pricing/",
        "https://aws.amazon.com/dynamodb/pricing/on-demand/",
    ),
    sqs_fifo_requests=0.50,
    dynamodb_write_units=0.625,
    dynamodb_read_units=0.125,
)


def dollars_per_million(*, counts: Counts, events: int, prices: Prices = PRICES) -> float:
    """For the calls of a million events such as these; machines and the database come on top."""
    charged = (
        sum(counts.sqs.values()) * prices.sqs_fifo_requests
        + counts.write_units * prices.dynamodb_write_units
        + counts.read_units * prices.dynamodb_read_units
    )
    return charged / events
