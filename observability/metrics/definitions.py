"""The metrics of the service: their names, meanings and labels. docs/metrics.md lists them.

The library defines its own in `celery_sqs_fifo.metrics`. Labels name kinds, never who it was.
"""

from collections.abc import Mapping
from dataclasses import dataclass

# The values of each gauge, by its name and then by the values of its labels.
Reading = Mapping[str, Mapping[tuple[str, ...], float]]

LATENCIES = (
    *(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
    *(60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0),
)
STEP_DURATIONS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """What is measured. The name of a counter is without the suffix `_total`."""

    name: str
    meaning: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter(Metric):
    """A counter. `values` are those of its only label that have a series from the beginning.

    A series that is there from the beginning is one whose first increase is seen.
    """

    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram(Metric):
    """A histogram, with the upper bounds of its buckets."""

    buckets: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge(Metric):
    """A gauge that is read when Prometheus asks."""


# Counted by every process that runs tasks (observability.metrics.counters).
EVENTS_ENDED = Counter(
    name="conversations_events_ended",
    meaning="Runs of events that ended, by what came of them; a rerun or redelivery counts again.",
    labels=("event_type", "outcome"),
)
EVENT_LATENCY = Histogram(
    name="conversations_event_latency_seconds",
    meaning="From the time at which an event was first queued until it took effect.",
    buckets=LATENCIES,
)
STEP_SECONDS = Histogram(
    name="conversations_step_seconds",
    meaning="How long a step took for all events of a batch.",
    labels=("step",),
    buckets=STEP_DURATIONS,
)
MESSAGES_STORED = Counter(
    name="conversations_messages_stored",
    meaning="Messages that were written to DynamoDB.",
)
DUPLICATES_IGNORED = Counter(
    name="conversations_duplicates_ignored",
    meaning="Messages and answers of redelivered events that were there already.",
    labels=("kind",),
    values=("message", "answer"),
)
FOREIGN_GROUP_EVENTS = Counter(
    name="conversations_foreign_group_events",
    meaning="Events that came by another message group than their conversation's.",
)
LATE_MESSAGES = Counter(
    name="conversations_late_messages",
    meaning="Messages that came after their conversation had closed: by their time, or found in"
    " DynamoDB after it was archived.",
    labels=("found",),
    values=("by_time", "by_search"),
)
OPENED = Counter(
    name="conversations_opened",
    meaning="Conversations that were opened.",
)
CLOSED = Counter(
    name="conversations_closed",
    meaning="Conversations that were closed, by what.",
    labels=("by",),
    values=("time", "event", "hand", "takeover"),
)
ARCHIVES_WRITTEN = Counter(
    name="conversations_archives_written",
    meaning="Moves of a conversation's messages into its archive.",
)
MESSAGES_ARCHIVED = Counter(
    name="conversations_messages_archived",
    meaning="Versions of messages that were moved into archives.",
)
LAKE_EVENTS = Counter(
    name="conversations_lake_events",
    meaning="Events that the data lake took, or refused for good.",
    labels=("result",),
    values=("delivered", "refused"),
)
DEAD_LETTERS_COLLECTED = Counter(
    name="conversations_dead_letters_collected",
    meaning="Dead letters that were moved into PostgreSQL.",
)

# Read of SQS (observability.metrics.queues).
QUEUE_VISIBLE = Gauge(
    name="conversations_queue_visible_messages",
    meaning="Messages on the queue that nobody has received yet, about.",
    labels=("queue",),
)
QUEUE_IN_FLIGHT = Gauge(
    name="conversations_queue_in_flight_messages",
    meaning="Messages that a worker, or whoever collects dead letters, has received, about.",
    labels=("queue",),
)
QUEUE_GAUGES = (QUEUE_VISIBLE, QUEUE_IN_FLIGHT)

# Read of PostgreSQL (observability.metrics.postgresql).
CLOSINGS_DUE = Gauge(
    name="conversations_closings_due",
    meaning="Conversations whose closing is due and has not been claimed; up to 10,000.",
)
CLOSINGS_OVERDUE = Gauge(
    name="conversations_closings_overdue",
    meaning="Conversations whose closing has been due for over 5 minutes and has not been claimed;"
    " up to 10,000.",
)
CLOSINGS_CLAIMED = Gauge(
    name="conversations_closings_claimed",
    meaning="Conversations whose closing is on its way through the queue; up to 10,000.",
)
CLOSINGS_LATE = Gauge(
    name="conversations_closings_late",
    meaning="Conversations whose closing is on its way and whose closing time is over 30 minutes"
    " past.",
)
ARCHIVES_PENDING = Gauge(
    name="conversations_archives_pending",
    meaning="Conversations that closed over 15 minutes ago and are not archived; up to 10,000.",
)
LAKE_WAITING = Gauge(
    name="conversations_lake_waiting",
    meaning="Events that the data lake has yet to be told; up to 10,000.",
)
LAKE_OLDEST_AGE = Gauge(
    name="conversations_lake_oldest_age_seconds",
    meaning="How long the oldest event that the data lake has yet to be told has waited; 0 if none"
    " does.",
)
LAKE_REFUSED = Gauge(
    name="conversations_lake_refused",
    meaning="Events that the data lake has refused for good, and that nobody has sent again; up to"
    " 10,000.",
)
DEAD_LETTERS_WAITING = Gauge(
    name="conversations_dead_letters_waiting",
    meaning="Dead letters in PostgreSQL that nobody has redriven or discarded, of the newest"
    " 10,000.",
    labels=("reason",),
)
DEAD_LETTERS_OLDEST_AGE = Gauge(
    name="conversations_dead_letters_oldest_age_seconds",
    meaning="How long ago the event of the oldest waiting dead letter was first queued; 0 if there"
    " is none.",
)
BEAT_LAST_TICK_AGE = Gauge(
    name="conversations_beat_last_tick_age_seconds",
    meaning="How long ago beat last sent a task; it writes that down every three minutes.",
)
IN_PROGRESS = Gauge(
    name="conversations_in_progress_estimate",
    meaning="Conversations in progress, as PostgreSQL's last ANALYZE or VACUUM estimated.",
)
POSTGRESQL_GAUGES = (
    *(CLOSINGS_DUE, CLOSINGS_OVERDUE, CLOSINGS_CLAIMED, CLOSINGS_LATE, ARCHIVES_PENDING),
    *(LAKE_WAITING, LAKE_OLDEST_AGE, LAKE_REFUSED),
    *(DEAD_LETTERS_WAITING, DEAD_LETTERS_OLDEST_AGE, BEAT_LAST_TICK_AGE, IN_PROGRESS),
)

# Counted while they are read (observability.metrics.state).
STATE_ERRORS = Counter(
    name="conversations_state_errors",
    meaning="Readings of a dependency that failed: its gauges are absent then.",
    labels=("source",),
)

# Served by Flower (observability.flower.queues), which is another process than a worker.
FLOWER_QUEUE_MESSAGES = Gauge(
    name="sqs_queue_messages",
    meaning="Messages on the queue, approximately, by state: waiting, in_flight.",
    labels=("queue", "state"),
)
FLOWER_QUEUE_UP = Gauge(
    name="sqs_queue_up",
    meaning="1 if SQS told the number of messages, else 0.",
    labels=("queue",),
)
