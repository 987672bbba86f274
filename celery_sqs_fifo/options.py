"""How a queue is consumed."""

from dataclasses import dataclass, field

from celery.exceptions import ImproperlyConfigured

from celery_sqs_fifo.aws import (
    MAX_MESSAGE_BYTES,
    MAX_RETENTION_SECONDS,
    MAX_VISIBILITY_SECONDS,
)
from celery_sqs_fifo.backoff import Backoff


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The settings of one consumed queue; times in seconds, sizes in bytes.

    dead_letter_queue_url: where events go that can never succeed. Without one nothing is consumed.
    probe: the name of a task that raises while the dependencies are down; empty: none. It runs
        before the first receive, and while the circuit is open.
    circuit_threshold, circuit_window: so many groups failing within so long open the circuit.
    batch_size, max_batch_bytes: how many events, and how many bytes, a pool process gets at once at
        most; with a batch size of 1 each event goes alone.
    wait_time: the length of a long poll. A shutdown waits for the open one.
    visibility_timeout: the length of a lease, which is renewed while a message is held. Longer than
        a long poll, in which a lease may begin unseen.
    max_hold: when a held message is given back; SQS ends every lease twelve hours after the
        receipt (SQS, "Visibility timeout").
    flush_deletes_after, flush_deletes_within: a finished message waits for others to be deleted
        with until none has followed for so long, and never longer than that.
    lookahead: how many groups may be ready beyond those that run, before receiving pauses.
    max_held: how many messages may be held in all, before receiving pauses.
    max_bug_runs: how many runs may end in a bug before the event is quarantined.
    retention: the queue's; an event that waits for a dependency is quarantined at 80% of it.
    retention_check_every: how often a receive looks for such events while the circuit is open.
        What it finds is held, or each look would bring the queue's own redrive limit nearer.
    liveness_file: the file that is touched while the worker is alive; empty: none.
    receive_within: the worker counts as dead when no receive has succeeded for so long.
    max_message_bytes: the dead-letter queue's MaximumMessageSize.
    """

    dead_letter_queue_url: str
    probe: str = ""
    circuit_threshold: int = 3
    circuit_window: float = 5.0
    batch_size: int = 25
    max_batch_bytes: int = 262_144
    wait_time: int = 2
    visibility_timeout: int = 60
    max_hold: float = MAX_VISIBILITY_SECONDS - 3600.0
    flush_deletes_after: float = 0.1
    flush_deletes_within: float = 1.0
    lookahead: int = 25
    max_held: int = 200
    max_bug_runs: int = 5
    backoff: Backoff = field(default=Backoff(first=0.5, longest=30.0))
    retention: float = MAX_RETENTION_SECONDS
    retention_check_every: float = 3600.0
    liveness_file: str = ""
    receive_within: float = 120.0
    max_message_bytes: int = MAX_MESSAGE_BYTES

    def __post_init__(self) -> None:
        """Raises ImproperlyConfigured for what would lose events, or never run them."""
        if not self.dead_letter_queue_url.endswith(".fifo"):
            raise ImproperlyConfigured(
                "dead_letter_queue_url must be the URL of a FIFO queue: without one, an event that "
                "can never succeed has nowhere to go."
            )
        if self.visibility_timeout < 2 * self.wait_time:
            raise ImproperlyConfigured("visibility_timeout must be at least twice the wait_time.")
