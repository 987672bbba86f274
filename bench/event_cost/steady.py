"""The costs and the latency of events that come at a steady rate, one by one."""

from collections import Counter
from dataclasses import dataclass, replace

from bench.common.chat import Load
from bench.common.costs import PRICES, dollars_per_million
from bench.common.trial import Trial
from bench.event_cost.paced import Latency, run_paced

# In events a second.
RATES = (1.0, 10.0, 50.0, 200.0, 500.0)
# A subject is measured at rates of at most this share of what it processes under backlog.
MAX_SHARE = 0.8
_SECONDS = 12.0
_MIN_EVENTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Steady:
    """The figures of one subject at one rate, until the queue is empty.

    Empty receives count. `dollars_with_sends` includes one request to SQS for sending each event.
    """

    latency: Latency
    cpu_ms_per_event: float
    sqs_calls_per_event: float
    sql_per_event: float
    dynamodb_calls_per_event: float
    write_units_per_event: float
    dollars_per_million_events: float

    @property
    def dollars_with_sends(self) -> float:
        """Return the price of a million events, in US dollars, with their sends."""
        return self.dollars_per_million_events + PRICES.sqs_fifo_requests


def events_at(rate: float) -> int:
    """Return how many events are sent at a rate."""
    return max(_MIN_EVENTS, round(rate * _SECONDS))


def run_steady(trial: Trial, *, load: Load, per_second: float) -> Steady:
    """Send events at a rate, and return what they cost. Raises NotDone."""
    before = trial.counts()
    # It counts the calls of SQS from 0.
    latency = run_paced(trial, load=load, per_second=per_second)
    counts = trial.counts().since(replace(before, sqs=Counter()))
    events = len(load)
    # The benchmark sends each event with a call of its own. A subject may send messages, too.
    counts.sqs["SendMessage"] -= events
    return Steady(
        latency=latency,
        cpu_ms_per_event=counts.cpu_seconds / events * 1_000,
        sqs_calls_per_event=counts.sqs.total() / events,
        sql_per_event=counts.sql / events,
        dynamodb_calls_per_event=counts.dynamodb.total() / events,
        write_units_per_event=counts.write_units / events,
        dollars_per_million_events=dollars_per_million(counts=counts, events=events),
    )
