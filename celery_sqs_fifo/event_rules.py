"""What an application declares about the events on its queue."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from celery.exceptions import ImproperlyConfigured


class LabelsOf(Protocol):
    """A function of the application that returns the fields of log lines about a message.

    It is called with an event's JSON (None if a body is not JSON), or with the task and arguments
    of a pointer. The fields are logged as they are, so they must hold nothing that people wrote.
    """

    def __call__(
        self, *, group_id: str, event: Any = None, task: str = "", arguments: Sequence[str] = ()
    ) -> Mapping[str, Any]:
        """Return the names and values of a log line."""


def never(_document: Any) -> bool:
    """Return False, for any document."""
    return False


def no_labels(**_message: Any) -> dict[str, Any]:
    """Return no fields: log lines have the message id alone."""
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRules:
    """The rules for the events of a queue, which the worker's main process asks.

    Each function but the last takes an event's JSON, as the main process reads it: numbers are
    texts, and None stands for a body that is not JSON. One that raises counts as True.

    chain: the names of the tasks that an event runs through.
    is_event: whether a document is an event although it has the shape of a Celery message, with
        a task's name in its headers. Without it such a document is a pointer, or refused.
    is_barrier: whether an event must not be replayed beside its neighbours.
    goes_alone: whether an event must have had its whole effect before a later one of its group
        has any.
    labels_of: the fields of log lines about a message.
    """

    chain: Sequence[str]
    is_event: Callable[[Any], bool] = never
    is_barrier: Callable[[Any], bool] = never
    goes_alone: Callable[[Any], bool] = never
    labels_of: LabelsOf = no_labels

    def __post_init__(self) -> None:
        """Raise ImproperlyConfigured if events would run through no task."""
        if not self.chain or isinstance(self.chain, str):
            raise ImproperlyConfigured("the chain of event rules is a sequence of task names.")
