"""What an application declares about the events on its queue."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from celery.exceptions import ImproperlyConfigured

from celery_sqs_fifo.consuming.dead_letter import WORKER_ATTRIBUTES


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


def parse_json(body: str, _attributes: Mapping[str, str]) -> Any:
    """Return the JSON value of a body, with numbers as strings. Raise ValueError if it is not JSON.

    Python refuses to convert very long numbers.
    """
    return json.loads(body, parse_int=str, parse_float=str)


def never(_document: Any) -> bool:
    """Return False, for any document."""
    return False


def one_kind(_document: Any) -> str:
    """Return the same kind for any document."""
    return ""


def no_labels(**_message: Any) -> dict[str, Any]:
    """Return no fields, for any message."""
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRules:
    """The rules for the events of a queue. The worker's main process applies them.

    `is_event`, `is_barrier` and `goes_alone` are called with the document that `parse` returned,
    or with None if `parse` raised an error. A rule that raises an error counts as True. `kind_of`
    is called in the same way, and an error counts as "".

    chain: the names of the tasks that an event runs through.
    parse: returns the document of an event, or raises ValueError. It is called with the body of
        the message and the texts of its `attributes`. The steps must read events with the same
        function. An event that only the steps treat as a barrier could end what later events
        began.
    attributes: the names of the message attributes that `parse` reads. The steps receive their
        texts with the event. Dead letters keep them before all other attributes but the place.
    is_event: whether a document is an event although it has the shape of a Celery message, with
        a task's name in its headers. Such a document is otherwise a pointer, or quarantined.
    is_barrier: whether an event is a barrier, which must not be replayed together with other
        events of its group.
    goes_alone: whether an event must complete all steps before a later event of its group begins
        the first step.
    kind_of: a short word for the work that the steps do for an event. The success of an event
        charges only failures of events of its own kind, because it does not show that the rest
        works.
    labels_of: the fields of log lines about a message.
    scope_label: the field of `labels_of` that contains the event's scope, such as a customer. A
        local failure, such as a locked row of that customer, affects only events of the same scope.
        Empty: events have no scopes.
    reasons: the reasons of the steps' outcomes. The metrics count their dead letters from 0, so
        that the first one of each reason is seen as an increase.
    """

    chain: Sequence[str]
    parse: Callable[[str, Mapping[str, str]], Any] = parse_json
    attributes: Sequence[str] = ()
    is_event: Callable[[Any], bool] = never
    is_barrier: Callable[[Any], bool] = never
    goes_alone: Callable[[Any], bool] = never
    kind_of: Callable[[Any], str] = one_kind
    labels_of: LabelsOf = no_labels
    scope_label: str = ""
    reasons: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Raise ImproperlyConfigured if the chain is empty or a name in `attributes` is taken."""
        if not self.chain or isinstance(self.chain, str):
            raise ImproperlyConfigured(
                "the chain in event_rules must be a sequence of at least one task name."
            )
        if isinstance(self.attributes, str) or WORKER_ATTRIBUTES.intersection(self.attributes):
            raise ImproperlyConfigured(
                "the attributes in event_rules must be a sequence of names other than those that "
                f"the worker adds to dead letters: {', '.join(sorted(WORKER_ATTRIBUTES))}."
            )

    def texts_of(self, attributes: Mapping[str, Any]) -> dict[str, str]:
        """Return the texts that `parse` reads, of message attributes in the form of SQS."""
        return {
            name: attributes[name]["StringValue"]
            for name in self.attributes
            if "StringValue" in attributes.get(name, {})
        }
