"""What can go wrong with an event, as far as the worker must tell it apart.

`InvalidEvent` ends in the dead-letter queue, `Unavailable` is waited out, and every other
exception is a bug.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import Error, InterfaceError, OperationalError

# What PostgreSQL reports of itself and its surroundings, not of a row or a value: an event that
# meets it waits, even if it is the only one (PostgreSQL, "PostgreSQL Error Codes").
EXTERNAL_CLASSES = frozenset(
    {
        "08",  # no connection
        "28",  # login
        "40",  # deadlock, serialization
        "53",  # resources: disk, memory, connections
        "57",  # shutdown, cancelled by a time limit
        "58",  # input and output
    }
)
EXTERNAL_STATES = frozenset(
    {
        "25006",  # read-only: a standby, or a server that was failed over
        "25P03",  # idle in transaction for too long
        "26000",  # a prepared statement is missing: a pooler gave another session
        "42P05",  # a prepared statement is there already: likewise
        "3D000",  # no such database
        "3F000",  # no such schema
        "42501",  # a grant is missing
        "42P01",  # no such table: not migrated
        "42703",  # no such column: likewise
        "42804",  # a column or parameter has another type: likewise
        "42883",  # no such function: likewise
        "55000",  # the database takes no connections, or is being dropped
        "55006",  # an object is in use
        "55P03",  # a lock was not to be had in time
    }
)


class ConversationServiceError(Exception):
    """Base of the errors that this service raises on purpose."""


class InvalidEvent(ConversationServiceError):
    """An event that can never succeed, whatever is repaired elsewhere.

    `reason` is a short stable word for filters and metrics. The message says what is wrong and
    never quotes what the event carries, because it is logged.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message

    def __str__(self) -> str:
        return self.message


class Unavailable(ConversationServiceError):
    """A dependency does not answer, or refuses for now: the event waits and is run again."""

    def __init__(self, dependency: str, message: str) -> None:
        super().__init__(dependency, message)
        self.dependency = dependency
        self.message = message

    def __str__(self) -> str:
        return f"{self.dependency} is unavailable: {self.message}"


def is_external(error: Error) -> bool:
    """Return whether PostgreSQL failed for a reason that lies outside of the event.

    Decided by SQLSTATE. Without one, psycopg2 lost the connection or never had it.
    """
    state: str | None = getattr(error.__cause__, "pgcode", None)
    if state is None:
        return isinstance(error, OperationalError | InterfaceError)
    return state[:2] in EXTERNAL_CLASSES or state in EXTERNAL_STATES


@contextmanager
def database_may_be_unavailable() -> Iterator[None]:
    """Raise Unavailable instead of an error of PostgreSQL that is external.

    Any other error of PostgreSQL passes: a value, a constraint, a limit that a statement exceeds.
    """
    try:
        yield
    except Error as error:
        if not is_external(error):
            raise
        raise Unavailable("PostgreSQL", type(error.__cause__ or error).__name__) from error
