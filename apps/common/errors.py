"""The exceptions that decide what the worker does with a failed event.

An event that raises `InvalidEvent` is quarantined. An event that raises `Unavailable` waits and is
rerun. Every other exception is a bug.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import Error, InterfaceError, OperationalError

# SQLSTATE classes (PostgreSQL, "PostgreSQL Error Codes") that describe the server or its
# environment, not a row or a value. An event waits while PostgreSQL reports such an error.
EXTERNAL_CLASSES = frozenset(
    {
        "08",  # connection failed or lost
        "28",  # login refused
        "40",  # deadlock or serialization failure
        "53",  # out of resources: disk, memory, connections
        "57",  # shutdown, or cancelled by a time limit
        "58",  # input or output failed
    }
)
# SQLSTATEs that say that other transactions use the same rows.
CONTENDED_STATES = frozenset(
    {
        "40001",  # serialization failure
        "40P01",  # deadlock
        "55P03",  # a lock timed out
    }
)
# SQLSTATEs of a server that does not have the schema of this version.
NOT_MIGRATED_STATES = frozenset(
    {
        "42P01",  # no such table
        "42703",  # no such column
        "42804",  # a column or parameter has another type
        "42883",  # no such function
    }
)
# SQLSTATEs of other classes with the same meaning as EXTERNAL_CLASSES.
EXTERNAL_STATES = NOT_MIGRATED_STATES | frozenset(
    {
        "25006",  # read-only transaction: a standby, or a former primary
        "25P03",  # idle in transaction for too long
        "26000",  # prepared statement missing: a pooler switched the session
        "42P05",  # prepared statement exists already: likewise
        "3D000",  # no such database
        "3F000",  # no such schema
        "42501",  # a grant is missing
        "55000",  # the database takes no connections, or is being dropped
        "55006",  # an object is in use
        "55P03",  # a lock timed out
    }
)


# The SQLSTATE of a statement that a time limit has cancelled. The server may be slow, or the
# statement may take too long on any server.
CANCELLED_STATE = "57014"


class ConversationServiceError(Exception):
    """Base class of the errors that this service raises on purpose."""


class InvalidEvent(ConversationServiceError):
    """The event can never succeed, even if everything else works.

    `reason` is a short, stable word for filters and metrics. The message is logged, so it never
    quotes the contents of the event.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message

    def __str__(self) -> str:
        return self.message


class Unavailable(ConversationServiceError):
    """A dependency does not answer, or refuses temporarily. The event waits and is rerun."""

    def __init__(self, dependency: str, message: str) -> None:
        super().__init__(dependency, message)
        self.dependency = dependency
        self.message = message

    def __str__(self) -> str:
        return f"{self.dependency} is unavailable: {self.message}"


class Contended(Unavailable):
    """A row is locked or keeps changing: only events that need this row wait."""


class TimeLimitHit(Unavailable):
    """A statement hit its time limit. If that happens in every run, the event is the cause."""


def is_external(error: Error) -> bool:
    """Return whether PostgreSQL failed for a reason outside the event.

    The SQLSTATE decides. An error without one is a lost or refused connection (psycopg2).
    """
    state: str | None = getattr(error.__cause__, "pgcode", None)
    if state is None:
        return isinstance(error, OperationalError | InterfaceError)
    return state[:2] in EXTERNAL_CLASSES or state in EXTERNAL_STATES


@contextmanager
def database_may_be_unavailable() -> Iterator[None]:
    """Raise Unavailable in place of a database error that is external.

    Raise Contended, a subclass, for a lock or a conflict, and TimeLimitHit, another one, for a time
    limit. Other database errors pass unchanged: an invalid value, a violated constraint, a
    statement over a limit.
    """
    try:
        yield
    except Error as error:
        if not is_external(error):
            raise
        state = getattr(error.__cause__, "pgcode", None)
        kind: type[Unavailable] = Unavailable
        if state in CONTENDED_STATES:
            kind = Contended
        elif state == CANCELLED_STATE:
            kind = TimeLimitHit
        raise kind("PostgreSQL", type(error.__cause__ or error).__name__) from error
