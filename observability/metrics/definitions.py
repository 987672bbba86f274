"""The metrics of the service: their names, meanings and labels. docs/metrics.md lists them.

The transport defines its metrics in `celery_sqs_fifo.metrics`. A label never identifies a project,
a group or a contact.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from apps.messages.events import OTHER_STATUS, STATUSES

# The values of gauges, by name and then by the values of their labels.
Reading = Mapping[str, Mapping[tuple[str, ...], float]]

LATENCIES = (
    *(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
    *(60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0),
)
STEP_DURATIONS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A metric. The name of a counter is without the suffix `_total`."""

    name: str
    meaning: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter(Metric):
    """A counter. `values` are the values of its only label that are exported as 0 at first.

    Prometheus sees the first increase of a series only if the series existed before.
    """

    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram(Metric):
    """A histogram, with the upper bounds of its buckets."""

    buckets: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge(Metric):
    """A gauge, which is read when Prometheus scrapes the worker."""


# Counted by every process that runs tasks (observability.metrics.counters).
EVENTS_ENDED = Counter(
    name="conversations_events_ended",
    meaning="Runs of events that ended, by outcome; a rerun or redelivery counts again.",
    labels=("event_type", "outcome"),
)
EVENT_LATENCY = Histogram(
    name="conversations_event_latency_seconds",
    meaning="Time from when an event was first queued until it took effect.",
    buckets=LATENCIES,
)
STEP_SECONDS = Histogram(
    name="conversations_step_seconds",
    meaning="Duration of a step for all events of a batch.",
    labels=("step",),
    buckets=STEP_DURATIONS,
)
MESSAGES_STORED = Counter(
    name="conversations_messages_stored",
    meaning="Messages that were written to DynamoDB.",
)
DUPLICATES_IGNORED = Counter(
    name="conversations_duplicates_ignored",
    meaning="Messages and answers of redelivered events that were already stored.",
    labels=("kind",),
    values=("message", "answer"),
)
ANSWERS_WITHOUT_SCORE = Counter(
    name="conversations_answers_without_score",
    meaning="CSAT and NPS answers that were recorded without a score, by reason.",
    labels=("problem",),
    values=("missing", "not_a_number", "not_whole", "out_of_range"),
)
FOREIGN_GROUP_EVENTS = Counter(
    name="conversations_foreign_group_events",
    meaning="Events that arrived in a message group other than that of their conversation.",
)
TYPE_MISMATCHES = Counter(
    name="conversations_type_mismatches",
    meaning="Events whose message attribute names another type than their body, whose type counts;"
    " a rerun or redelivery counts again.",
    labels=("event_type", "attribute_type"),
)
LATE_MESSAGES = Counter(
    name="conversations_late_messages",
    meaning="Messages that came after their conversation had closed: recognized by their place on"
    " the queue, or found in DynamoDB after archiving.",
    labels=("found",),
    values=("by_time", "by_search"),
)
OPENED = Counter(
    name="conversations_opened",
    meaning="Conversations that were opened.",
)
CLOSED = Counter(
    name="conversations_closed",
    meaning="Conversations that were closed, by cause.",
    labels=("by",),
    values=("time", "event", "hand", "takeover"),
)
ARCHIVES_WRITTEN = Counter(
    name="conversations_archives_written",
    meaning="Times that messages of a conversation were merged into its archive.",
)
MESSAGES_ARCHIVED = Counter(
    name="conversations_messages_archived",
    meaning="Versions of messages that were merged into archives.",
)
POSSIBLE_RETRIES = Counter(
    name="conversations_possible_retries",
    meaning="Archived messages that a producer has probably sent before with another id, because"
    " correlation id, type and text are equal.",
)
MESSAGE_STATUSES = Counter(
    name="conversations_message_statuses",
    meaning="Delivery statuses that were processed, kept or not; a redelivery counts again.",
    labels=("status",),
    values=(*STATUSES, OTHER_STATUS),
)
LAKE_EVENTS = Counter(
    name="conversations_lake_events",
    meaning="Events that the data lake accepted, or refused permanently.",
    labels=("result",),
    values=("delivered", "refused"),
)
DEAD_LETTERS_COLLECTED = Counter(
    name="conversations_dead_letters_collected",
    meaning="Dead letters that were moved into PostgreSQL.",
)

# Read from SQS (observability.metrics.queues).
QUEUE_VISIBLE = Gauge(
    name="conversations_queue_visible_messages",
    meaning="Approximate number of messages on the queue that wait to be received.",
    labels=("queue",),
)
QUEUE_IN_FLIGHT = Gauge(
    name="conversations_queue_in_flight_messages",
    meaning="Approximate number of messages that were received and not yet deleted.",
    labels=("queue",),
)
QUEUE_GAUGES = (QUEUE_VISIBLE, QUEUE_IN_FLIGHT)

# Read from PostgreSQL (observability.metrics.postgresql).
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
    meaning="Conversations whose closing is on its way through the queue and was due over 30"
    " minutes ago.",
)
ARCHIVES_PENDING = Gauge(
    name="conversations_archives_pending",
    meaning="Conversations that closed over 15 minutes ago and are not archived; up to 10,000.",
)
ERASURES_PENDING = Gauge(
    name="conversations_erasures_pending",
    meaning="Erasures that were requested over 15 minutes ago and are not done; up to 10,000.",
)
LAKE_ENABLED = Gauge(
    name="conversations_lake_enabled",
    meaning="1 if answers are sent to a data lake; 0 if `DATALAKE_URL` is `none`.",
)
LAKE_WAITING = Gauge(
    name="conversations_lake_waiting",
    meaning="Events that wait to be sent to the data lake; up to 10,000.",
)
LAKE_OLDEST_AGE = Gauge(
    name="conversations_lake_oldest_age_seconds",
    meaning="Age of the oldest event that waits to be sent to the data lake; 0 if none waits.",
)
LAKE_REFUSED = Gauge(
    name="conversations_lake_refused",
    meaning="Events that the data lake refused permanently and that were not sent again; up to"
    " 10,000.",
)
DEAD_LETTERS_WAITING = Gauge(
    name="conversations_dead_letters_waiting",
    meaning="Dead letters in PostgreSQL that wait for a decision: not discarded, not redriven, and"
    " no redrive is requested; of the newest 10,000 that were not redriven.",
    labels=("reason",),
)
DEAD_LETTERS_OLDEST_AGE = Gauge(
    name="conversations_dead_letters_oldest_age_seconds",
    meaning="Time since the event of the oldest waiting dead letter was first queued; 0 if none"
    " waits.",
)
BEAT_LAST_TICK_AGE = Gauge(
    name="conversations_beat_last_tick_age_seconds",
    meaning="Time since beat last sent a task, which beat saves every three minutes; negative if"
    " beat has saved a time in the future, because a clock is or was ahead.",
)
IN_PROGRESS = Gauge(
    name="conversations_in_progress_estimate",
    meaning="Conversations in progress, as estimated by PostgreSQL's last ANALYZE or VACUUM.",
)
POSTGRESQL_GAUGES = (
    *(CLOSINGS_DUE, CLOSINGS_OVERDUE, CLOSINGS_CLAIMED, CLOSINGS_LATE, ARCHIVES_PENDING),
    *(ERASURES_PENDING, LAKE_ENABLED, LAKE_WAITING, LAKE_OLDEST_AGE, LAKE_REFUSED),
    *(DEAD_LETTERS_WAITING, DEAD_LETTERS_OLDEST_AGE, BEAT_LAST_TICK_AGE, IN_PROGRESS),
)

# Counted while they are read (observability.metrics.state).
STATE_ERRORS = Counter(
    name="conversations_state_errors",
    meaning="Failed readings of a dependency. Its gauges are then absent.",
    labels=("source",),
)

# Served by Flower (observability.flower.queues), not by workers.
FLOWER_QUEUE_MESSAGES = Gauge(
    name="sqs_queue_messages",
    meaning="Approximate number of messages on the queue, by state: waiting, in_flight.",
    labels=("queue", "state"),
)
FLOWER_QUEUE_UP = Gauge(
    name="sqs_queue_up",
    meaning="1 if the number of messages could be read from SQS, else 0.",
    labels=("queue",),
)
