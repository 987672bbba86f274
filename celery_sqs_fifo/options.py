"""The options of a consumed queue."""

from dataclasses import dataclass, field

from celery.exceptions import ImproperlyConfigured

from celery_sqs_fifo.aws import (
    MAX_MESSAGE_BYTES,
    MAX_RETENTION_SECONDS,
    MAX_VISIBILITY_SECONDS,
    MAX_WAIT_SECONDS,
)
from celery_sqs_fifo.backoff import Backoff

# The defaults of Options.max_held and Options.max_set_aside.
MAX_HELD = 200
MAX_SET_ASIDE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of one consumed queue. Times are in seconds, sizes in bytes.

    dead_letter_queue_url: the URL of the FIFO queue for events that can never succeed.
    probe: the name of a task that raises an error while the dependencies are down. It runs before
        the first receive, and while the circuit is open. Empty: the circuit never opens. If only
        some kinds of events would fail, it raises EventsFailed with DONE, and with one more outcome
        for each of these kinds, whose reason is the kind.
    circuit_threshold, circuit_window: the circuit opens when this number of groups fail within
        this time.
    batch_size, max_batch_bytes: the maximum number and the maximum size of the events in a batch.
    wait_time: the length of a long poll, at most a third of the visibility_timeout. A message ends
        the poll. A shutdown waits for the open poll to end.
    gather_for: after a receive that was not full, the next one begins after this time, so that
        messages share calls and batches. Zero: at once, for the shortest latency.
    visibility_timeout: the length of a lease, which is renewed while a message is held.
    max_hold: how long a message is held before it is given back. SQS ends every lease twelve hours
        after the receipt (SQS, "Visibility timeout").
    flush_deletes_after: finished messages are deleted when there are ten of them, or when no other
        message has finished for gather_for and this time together.
    flush_deletes_within: the maximum time that a finished message waits for its delete.
    lookahead: receiving pauses while this number of groups are ready in addition to those that the
        pool has room for.
    max_held: receiving pauses while this number of messages wait, run, or have a pending delete.
        Messages that are set aside do not count.
    max_set_aside: the maximum number of messages that are set aside because they failed, or may
        fail or take long. Further ones are parked.
    max_bug_runs: an event is quarantined after this number of unexpected failures that are charged
        to it.
    max_quarantined_per_cause: the number of events that a worker quarantines per hour for one cause
        of unexpected failures. Further events are parked.
    parking_delay: how long an event above that number is invisible on SQS, by its receive count.
    unknown_pointer_wait: a pointer that this release does not know is given back until this time
        has passed since it was queued, because a newer release may know it. It is invisible for 30
        seconds each time.
    backoff: the delays between runs and receives that failed.
    probe_backoff: the delays between probes that failed. They bound how much longer than an outage
        its effect lasts, and are short because each worker runs only one probe at a time.
    retention: the queue's MessageRetentionPeriod. An event that fails after 80% of it is
        quarantined, whatever the failure is.
    retention_check_every: the time between receives that look for such events while the circuit is
        open. The younger events that they find are held: giving them back would bring them nearer
        to the queue's maxReceiveCount.
    liveness_file: the file that the worker touches while it is alive. None: its own file in the
        temporary folder. Empty: no file.
    receive_within: the worker counts as dead if no receive has succeeded for this time.
    shutdown_within: a warm shutdown that takes longer becomes a cold one, which ends running
        tasks.
    max_message_bytes: the MaximumMessageSize of the dead-letter queue.
    """

    dead_letter_queue_url: str
    probe: str = ""
    circuit_threshold: int = 3
    circuit_window: float = 5.0
    batch_size: int = 25
    max_batch_bytes: int = 262_144
    wait_time: int = MAX_WAIT_SECONDS
    gather_for: float = 0.15
    visibility_timeout: int = 60
    max_hold: float = MAX_VISIBILITY_SECONDS - 3600.0
    flush_deletes_after: float = 0.1
    flush_deletes_within: float = 1.0
    lookahead: int = 25
    max_held: int = MAX_HELD
    max_set_aside: int = MAX_SET_ASIDE
    max_bug_runs: int = 5
    max_quarantined_per_cause: int = 3
    parking_delay: Backoff = field(default=Backoff(first=60.0, longest=MAX_VISIBILITY_SECONDS))
    unknown_pointer_wait: float = 900.0
    backoff: Backoff = field(default=Backoff(first=0.5, longest=30.0))
    probe_backoff: Backoff = field(default=Backoff(first=0.5, longest=5.0))
    retention: float = MAX_RETENTION_SECONDS
    retention_check_every: float = 3600.0
    liveness_file: str | None = None
    receive_within: float = 120.0
    shutdown_within: float = 45.0
    max_message_bytes: int = MAX_MESSAGE_BYTES

    @property
    def poll_seconds(self) -> int:
        """Return the length of a long poll.

        A lease counts from the beginning of its poll, so most of it must be left at the end.
        """
        return max(1, min(self.wait_time, self.visibility_timeout // 3))

    def __post_init__(self) -> None:
        """Raise ImproperlyConfigured for options with which events would be lost or never run."""
        if not self.dead_letter_queue_url.endswith(".fifo"):
            raise ImproperlyConfigured(
                "dead_letter_queue_url must be the URL of a FIFO queue: without one, an event that "
                "can never succeed has nowhere to go."
            )
