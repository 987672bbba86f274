"""The prices of AWS."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """AWS list prices for a million calls or units, in US dollars, without free tiers."""

    date: str
    region: str
    sources: tuple[str, ...]
    sqs_fifo_requests: float
    dynamodb_write_units: float
    dynamodb_read_units: float


# SQS bills one request for each 64 KB or part of it; the events of the comparison are smaller.
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
