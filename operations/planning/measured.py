"""What events need, as `make bench` measured it (docs/results/bench.json).

A test compares these numbers with that file. CPU times depend on the machine: these are those of
the machine that docs/bench.md names. Counts do not depend on it.
"""

from bisect import bisect
from dataclasses import dataclass, fields
from math import log


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What one event needs: calls, statements, DynamoDB's read units, and CPU in milliseconds."""

    sqs_calls: float
    sql: float
    dynamodb_calls: float
    read_units: float = 0.0
    cpu_ms: float


# A message until it is stored, by the events that one worker gets in a second. The more there are,
# the more of them share a call.
MESSAGE_BY_RATE = {
    1.0: Needs(sqs_calls=2.0, sql=1.3, dynamodb_calls=1.0, cpu_ms=10.0),
    10.0: Needs(sqs_calls=0.76, sql=0.69, dynamodb_calls=0.66, cpu_ms=4.6),
    50.0: Needs(sqs_calls=0.23, sql=0.13, dynamodb_calls=0.13, cpu_ms=1.25),
    200.0: Needs(sqs_calls=0.24, sql=0.10, dynamodb_calls=0.10, cpu_ms=0.82),
    500.0: Needs(sqs_calls=0.21, sql=0.07, dynamodb_calls=0.07, cpu_ms=0.78),
}
# A conversation from its close to its archive and the two later searches, without the SQS calls of
# the close itself. Its messages, 12 in the benchmark, are read four times.
CONVERSATION = Needs(sqs_calls=0.04, sql=25.0, dynamodb_calls=4.0, read_units=7.0, cpu_ms=19.0)
CONVERSATION_MESSAGES = 12
# Events that one main process hands out in a second of its CPU time.
MAIN_PROCESS_EVENTS_PER_SECOND = 8_000
# SQS requests of a worker without events, and of one beat, in 30 days.
IDLE_WORKER_REQUESTS = 129_600
BEAT_REQUESTS = 47_520


def message_at(events_per_second: float) -> Needs:
    """Return what a message needs if a worker gets that many events in a second.

    Between two measured rates it is interpolated by the logarithm of the rate. Below the first and
    above the last one it is what was measured there.
    """
    rates = list(MESSAGE_BY_RATE)
    above = bisect(rates, events_per_second)
    if above == 0:
        return MESSAGE_BY_RATE[rates[0]]
    if above == len(rates):
        return MESSAGE_BY_RATE[rates[-1]]
    low, high = rates[above - 1], rates[above]
    share = log(events_per_second / low) / log(high / low)
    before, after = MESSAGE_BY_RATE[low], MESSAGE_BY_RATE[high]
    return Needs(
        **{
            one.name: getattr(before, one.name) * (1 - share) + getattr(after, one.name) * share
            for one in fields(Needs)
        }
    )
