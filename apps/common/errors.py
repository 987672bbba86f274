"""What can go wrong with an event, as far as the worker must tell it apart.

`InvalidEvent` ends in the dead-letter queue, `Unavailable` is waited out, and every other
exception is a bug.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import InterfaceError, OperationalError


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


@contextmanager
def database_may_be_unavailable() -> Iterator[None]:
    """Turn the errors of a database that is down, restarting, locked or too slow into Unavailable.

    PostgreSQL reports those as OperationalError or InterfaceError (PEP 249); errors in what we
    asked of it (DataError, IntegrityError, ProgrammingError) pass as the bugs they are.
    """
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise Unavailable("PostgreSQL", type(error.__cause__ or error).__name__) from error
