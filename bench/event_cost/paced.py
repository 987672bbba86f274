"""The paced phase sends single events at a steady rate, and measures the time to their effects.

The times come from the servers: the end of the receive, and the write to DynamoDB.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.common.backlog import wait_until
from bench.common.chat import ChatEvent, Load, event_of
from bench.common.machine import MachineUsage
from bench.common.statistics import first_ends, percentile
from bench.common.trial import Trial
from testbed.dynamodb.accounts import Write
from testbed.sqs.calls import LoggedCall

_MAX_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentiles:
    """The median and the 99th percentile, in milliseconds."""

    p50: float
    p99: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """The latency of events sent one by one; `per_second` is the rate at which they were sent.

    `queued` runs from the end of the send to the end of the receive, `effect` from there until the
    message was stored, and `total` is both. `machine_busy` is the share of its CPU time that the
    machine worked while the events were sent: the subject, the servers and the sender together. It
    is None in published results that are older than the field.
    """

    sent: int
    per_second: float
    queued: Percentiles
    effect: Percentiles
    total: Percentiles
    machine_busy: float | None = None


def run_paced(trial: Trial, *, load: Load, per_second: float) -> Latency:
    """Send events at a rate and wait until all have taken effect. Raises NotDone."""
    trial.stage.servers.sqs.reset_calls()
    before = trial.stored()
    encode = trial.contender.encoder()
    events = [encode(event) for event in load]
    begun, usage = time.monotonic(), MachineUsage()
    sent = trial.stage.queue.pace(events, per_second=per_second)
    seconds, machine_busy = time.monotonic() - begun, usage.busy()
    wait_until(
        lambda: trial.is_done(stored=before + load.messages),
        trial=trial,
        max_seconds=_MAX_SECONDS,
    )
    return latency(
        sent=sent,
        seconds=seconds,
        machine_busy=machine_busy,
        calls=trial.stage.servers.sqs.calls(),
        writes=trial.writes(since=before),
    )


def latency(
    *,
    sent: dict[str, ChatEvent],
    seconds: float,
    machine_busy: float,
    calls: Sequence[LoggedCall],
    writes: Iterable[Write],
) -> Latency:
    """Return the latency from the logs of both servers.

    If a message was received or stored more than once, only the first time counts.
    """
    sent_at, received_at = (first_ends(calls, result=one) for one in ("sent", "received"))
    stored_at: dict[tuple[int, int], float] = {}
    for write in writes:
        stored_at.setdefault(event_of(write), write.at)
    queued = [received_at[one] - sent_at[one] for one in sent]
    effect = [
        stored_at[event.contact, event.number] - received_at[one] for one, event in sent.items()
    ]
    return Latency(
        sent=len(sent),
        per_second=len(sent) / seconds,
        queued=percentiles(queued),
        effect=percentiles(effect),
        total=percentiles([one + other for one, other in zip(queued, effect, strict=True)]),
        machine_busy=machine_busy,
    )


def percentiles(seconds: Sequence[float]) -> Percentiles:
    """Return the percentiles of times in seconds."""
    return Percentiles(p50=percentile(seconds, 50) * 1_000, p99=percentile(seconds, 99) * 1_000)
