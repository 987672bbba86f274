"""Reads all sources of the status at the same time, with a deadline for all of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from time import monotonic
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django_celery_beat.models import PeriodicTask

from apps.common import aws
from apps.common.clock import now
from apps.common.migrations import missing_migrations
from apps.conversations.heartbeats import Heartbeat
from celery_sqs_fifo import address_of
from config.celery import app
from observability.background_reading import BackgroundReader
from observability.metrics.definitions import Reading
from observability.metrics.postgresql import read_gauges
from observability.queue_depths import QueueStatus, read_status
from operations.doctor import beat, workers
from operations.doctor.control import CONTROL_ERRORS, ask
from operations.doctor.postgresql import short_transaction
from operations.status import outbox
from operations.status.outbox import OutboxReading

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# How long the status waits for its sources, in seconds. A source that answers later is unknown.
ANSWER_WITHIN = 1.8
# How long the workers may take to answer through the control broker. This time always passes,
# because nobody knows how many workers there are.
CONTROL_SECONDS = 1.2
STATEMENT_SECONDS = 1.5

SQS, POSTGRESQL, CONTROL_BROKER = "SQS", "PostgreSQL", _("The control broker")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """A source that could not be read. `sentence` says why, without a secret.

    It is translated where it is shown: the sources are read in threads, which have no language.
    """

    sentence: "StrOrPromise"


@dataclass(frozen=True, slots=True, kw_only=True)
class Queues:
    """The events' queue and the dead-letter queue."""

    events: QueueStatus
    dead_letters: QueueStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """The pending work in PostgreSQL: the gauges, and the outbox by age."""

    gauges: Reading
    outbox: OutboxReading


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """What the sources answered.

    stats, held: the workers' answers to the remote commands of these names, by worker.
    heartbeats: the workers' heartbeats, and why they cannot be used ("" if they can).
    schedules: the schedules of beat.
    migrations: the names of the migrations that are not applied.
    """

    queues: Queues | Unanswered
    stats: Mapping[str, Any] | Unanswered
    held: Mapping[str, Any] | Unanswered
    heartbeats: tuple[Sequence[Heartbeat], "StrOrPromise"] | Unanswered
    pending: Pending | Unanswered
    schedules: Sequence[PeriodicTask] | Unanswered
    migrations: Sequence[str] | Unanswered


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A field of Readings, the peer that is asked, and the function that asks it."""

    field: str
    peer: "StrOrPromise"
    read: Callable[[], Any]


def read_all(*, within: float = ANSWER_WITHIN) -> Readings:
    """Return the answers of all sources that answer within this time, in seconds."""
    readers = _readers()
    for reader in readers.values():
        reader.refresh()
    deadline = monotonic() + within
    answers = {}
    for source in SOURCES:
        answer = readers[source.field].answer(deadline=deadline)
        late = Unanswered(
            sentence=format_lazy(
                _("{peer} did not answer within {seconds} s."),
                peer=source.peer,
                seconds=f"{within:.1f}",
            )
        )
        answers[source.field] = late if answer is None else answer
    return Readings(**answers)


def _read_queues() -> Queues:
    def client() -> Any:
        return aws.sqs_client(options=aws.STATUS)

    return Queues(
        events=read_status(client, settings.SQS_CONVERSATION_QUEUE_URL),
        dead_letters=read_status(client, settings.SQS_CONVERSATION_DLQ_URL),
    )


def _read_pending() -> Pending:
    moment = now()
    with connection.cursor() as cursor:
        return Pending(
            gauges=read_gauges(cursor, moment=moment),
            outbox=outbox.read(cursor, moment=moment),
        )


def _of_workers(command: str) -> Callable[[], Any]:
    """Return a function that asks the workers through the control broker."""

    def read() -> Any:
        if not app.control_broker_url:
            return Unanswered(
                sentence=_("CELERY_CONTROL_URL is not set, so workers cannot be asked directly.")
            )
        try:
            return ask(command, timeout=CONTROL_SECONDS)
        except CONTROL_ERRORS:
            address = address_of(app.control_broker_url)
            sentence = _("The control broker {address} does not answer.")
            return Unanswered(sentence=format_lazy(sentence, address=address))

    return read


def _of_postgresql(read: Callable[[], Any]) -> Callable[[], Any]:
    """Return a function that reads in a transaction of its own, and closes its connection."""

    def run() -> Any:
        try:
            with short_transaction(seconds=STATEMENT_SECONDS):
                return read()
        except (DatabaseError, InterfaceError) as error:
            return _failed(_("{peer} cannot be read ({error})."), POSTGRESQL, error)
        finally:
            connection.close()

    return run


SOURCES = (
    Source(field="queues", peer=SQS, read=_read_queues),
    Source(field="stats", peer=CONTROL_BROKER, read=_of_workers("stats")),
    Source(field="held", peer=CONTROL_BROKER, read=_of_workers("held")),
    Source(field="heartbeats", peer=POSTGRESQL, read=_of_postgresql(workers.read_heartbeats)),
    Source(field="pending", peer=POSTGRESQL, read=_of_postgresql(_read_pending)),
    Source(field="schedules", peer=POSTGRESQL, read=_of_postgresql(beat.read_schedules)),
    Source(field="migrations", peer=POSTGRESQL, read=_of_postgresql(missing_migrations)),
)


@cache
def _readers() -> Mapping[str, BackgroundReader[Any]]:
    """Return the readers of this process. A source that hangs occupies one thread at most."""
    return {
        source.field: BackgroundReader(name=f"status-{source.field}", read=_guarded(source))
        for source in SOURCES
    }


def _failed(sentence: "StrOrPromise", peer: "StrOrPromise", error: Exception) -> Unanswered:
    """Return a sentence about an error, without its text, because that might quote a setting."""
    return Unanswered(sentence=format_lazy(sentence, peer=peer, error=type(error).__name__))


def _guarded(source: Source) -> Callable[[], Any]:
    """Return a function that reads a source and raises no error."""

    def read() -> Any:
        try:
            return source.read()
        except BotoCoreError as error:
            return _failed(_("{peer} does not answer ({error})."), source.peer, error)
        except Exception as error:
            return _failed(_("{peer} cannot be read ({error})."), source.peer, error)

    return read
