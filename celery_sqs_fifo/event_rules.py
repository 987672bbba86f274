"""What an application declares about the events on its queue."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from celery.exceptions import ImproperlyConfigured


class LabelsOf(Protocol):
    """A function of the application that returns the fields of log lines about a message.

    It is called with the decoded JSON of an event (None if the body is not JSON), or with the task
    and the arguments of a pointer. The fields are logged unchanged, so they must not contain
    anything that people wrote.
    """

    def __call__(
        self, *, group_id: str, event: Any = None, task: str = "", arguments: Sequence[str] = ()
    ) -> Mapping[str, Any]:
        """Return the names and values of log fields."""


def never(_document: Any) -> bool:
    """Return False, for any document."""
    return False


def no_labels(**_message: Any) -> dict[str, Any]:
    """Return no fields, for any message."""
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRules:
    """The rules for the events of a queue. The worker's main process applies them.

    `is_event`, `is_barrier` and `goes_alone` are called with the decoded JSON of an event. Numbers
    in it are strings, and it is None if the body is not JSON. A rule that raises an error counts
    as True.

    chain: the names of the tasks that an event runs through.
    is_event: whether a document is an event although it has the shape of a Celery message, with
        a task's name in its headers. Such a document is otherwise a pointer, or quarantined.
    is_barrier: whether an event is a barrier, which must not be replayed together with other
        events of its group.
    goes_alone: whether an event must take its whole effect before a later event of its group
        takes any.
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
            raise ImproperlyConfigured(
                "the chain in event_rules must be a sequence of at least one task name."
            )
