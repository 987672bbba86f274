"""Convert SQS messages to Celery messages, and decide which tasks a message may run.

A body is a Celery message if it has the shape of one, unless the application's rule `is_event` says
that it is an event. The task of a Celery message must be a declared pointer, and its arguments must
have the pointer's form. Every other body is an event and runs through the application's chain.
"""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4, uuid5

from celery import Celery
from kombu.utils.json import dumps

from celery_sqs_fifo.delivery import Delivery
from celery_sqs_fifo.errors import error_location
from celery_sqs_fifo.event_rules import EventRules
from celery_sqs_fifo.place import PLACE
from celery_sqs_fifo.running.batch import QueuedEvent
from celery_sqs_fifo.running.pointers import NotAllowed, PointerForm, UnknownPointer
from celery_sqs_fifo.running.task import FifoTask

logger = logging.getLogger(__name__)

# The namespace of task ids. A task's id is derived from the ids of its messages, so that operators
# see all deliveries of a batch as one task.
TASK_ID_NAMESPACE = UUID("0d7f2d1e-7a55-4c37-9c1b-6f1f6a3f4b11")

PROBE_TAG = "probe:"


class Envelope:
    """Convert the deliveries of one queue to Celery messages, by the application's rules."""

    def __init__(self, *, app: Celery, queue: str, rules: EventRules) -> None:
        self._app = app
        self._queue = queue
        self._rules = rules

    @property
    def reasons(self) -> Sequence[str]:
        """Return the reasons of the application's outcomes."""
        return self._rules.reasons

    def classify(self, delivery: Delivery) -> None:
        """Set the fields of a delivery that depend on its content, and its labels."""
        delivery.texts = self._rules.texts_of(delivery.attributes)
        document = self._parse(delivery)
        delivery.is_celery = _has_shape_of_celery(document) and not _holds_or_fails(
            self._rules.is_event, document, delivery
        )
        delivery.labels.update(self._labels(delivery, document))
        delivery.scope = str(delivery.labels.get(self._rules.scope_label, ""))
        if delivery.is_celery:
            task = self._task_of(document)
            delivery.is_barrier = isinstance(task, FifoTask) and task.is_barrier
            is_tick = isinstance(task, FifoTask) and task.pointer is PointerForm.NO_ARGUMENTS
            delivery.tick = task.name if is_tick else ""
        else:
            delivery.is_barrier = _holds_or_fails(self._rules.is_barrier, document, delivery)
            delivery.is_single = _holds_or_fails(self._rules.goes_alone, document, delivery)
            delivery.kind = self._kind(document, delivery)

    def _kind(self, document: Any, delivery: Delivery) -> str:
        """Return the kind of an event, or "" if the application's rule fails."""
        try:
            return self._rules.kind_of(document)
        except Exception as error:
            _log_error("body_not_classified", delivery, error)
            return ""

    def _parse(self, delivery: Delivery) -> Any:
        """Return the document that the application reads, or None if it cannot be read."""
        try:
            return self._rules.parse(delivery.body, delivery.texts)
        except (ValueError, RecursionError):
            return None
        except Exception as error:
            _log_error("body_not_classified", delivery, error)
            return None

    def _labels(self, delivery: Delivery, document: Any) -> Mapping[str, Any]:
        """Return the labels of a delivery, or none if the application's rule fails."""
        try:
            if not delivery.is_celery:
                return self._rules.labels_of(group_id=delivery.group_id, event=document)
            try:
                task, arguments = self._pointer_of(document)
            except NotAllowed:
                return self._rules.labels_of(group_id=delivery.group_id)
            return self._rules.labels_of(
                group_id=delivery.group_id, task=task.name, arguments=arguments
            )
        except Exception as error:
            _log_error("message_not_labelled", delivery, error)
            return {}

    def message(self, batch: Sequence[Delivery]) -> dict[str, Any]:
        """Return the Celery message that runs a batch, in kombu's form.

        Its delivery tag is the receipt handle of the first delivery. Raise NotAllowed for a Celery
        message that is not a declared pointer.
        """
        is_pointer = batch[0].is_celery
        message = self._pointer(batch[0]) if is_pointer else self._events(batch)
        headers = message["headers"]
        for delivery in batch:
            delivery.labels.update(
                task_id=headers["id"], step=headers["task"], attempt=delivery.failures + 1
            )
        return message

    def probe(self, task_name: str) -> tuple[str, dict[str, Any]]:
        """Return a delivery tag and the Celery message that runs the probe."""
        identity = str(uuid4())
        tag = PROBE_TAG + identity
        message = self._app.amqp.as_task_v2(identity, task_name, ignore_result=True)
        return tag, self._in_kombu_form(message.headers, message.body, tag=tag, retries=0)

    def is_probe(self, tag: str) -> bool:
        """Return whether a delivery tag is that of a probe."""
        return tag.startswith(PROBE_TAG)

    def _events(self, batch: Sequence[Delivery]) -> dict[str, Any]:
        first, *tail = self._rules.chain
        identity = ",".join(delivery.message_id for delivery in batch)
        # What EventTask reads of a chain: Celery never runs it.
        steps = [
            {"task": name, "options": {"task_id": _task_id(identity, step)}}
            for step, name in enumerate(tail, start=1)
        ]
        message = self._app.amqp.as_task_v2(
            _task_id(identity, 0),
            first,
            args=([QueuedEvent.of(delivery).as_json() for delivery in batch],),
            chain=steps[::-1] or None,
            argsrepr=f"({identity})",
            kwargsrepr="{}",
            ignore_result=True,
        )
        return self._in_kombu_form(
            message.headers,
            message.body,
            tag=batch[0].receipt_handle,
            retries=batch[0].failures,
        )

    def _pointer(self, delivery: Delivery) -> dict[str, Any]:
        """Return a new Celery message, with only the task and the arguments of the one received."""
        task, arguments = self._pointer_of(self._parse(delivery))
        labels = {**delivery.labels, "message_id": delivery.message_id}
        message = self._app.amqp.as_task_v2(
            _task_id(delivery.message_id, 0),
            task.name,
            args=arguments,
            kwargsrepr="{}",
            ignore_result=True,
        )
        return self._in_kombu_form(
            # The pool process receives only these headers and the arguments.
            {**message.headers, "labels": labels, PLACE: str(delivery.place)},
            message.body,
            tag=delivery.receipt_handle,
            retries=delivery.failures,
        )

    def _pointer_of(self, document: Any) -> tuple[FifoTask, list[Any]]:
        """Return the task and the arguments of a Celery message.

        Raise NotAllowed unless it is a declared pointer, and UnknownPointer if it may be one of a
        newer release.
        """
        task = self._task_of(document)
        if task is None and _package(document["headers"]["task"]) in self._pointer_packages():
            raise UnknownPointer("this release has no such task")
        if not isinstance(task, FifoTask) or task.pointer is None:
            raise NotAllowed("the task is not a declared pointer")
        arguments = _arguments(document)
        task.pointer.check(arguments)
        return task, arguments

    def _pointer_packages(self) -> set[str]:
        """Return the top-level packages of all declared pointers."""
        tasks = self._app.tasks.values()
        pointers = [task for task in tasks if isinstance(task, FifoTask) and task.pointer]
        return {_package(task.name) for task in pointers} - {""}

    def _task_of(self, document: dict[str, Any]) -> Any:
        return self._app.tasks.get(document["headers"]["task"])

    def _in_kombu_form(
        self, headers: dict[str, Any], body: Any, *, tag: str, retries: int
    ) -> dict[str, Any]:
        return {
            "body": dumps(body),
            "content-type": "application/json",
            "content-encoding": "utf-8",
            "headers": {**headers, "retries": retries},
            "properties": {
                "correlation_id": headers["id"],
                "delivery_tag": tag,
                "delivery_info": {"exchange": "", "routing_key": self._queue},
            },
        }


def _holds_or_fails(rule: Callable[[Any], bool], document: Any, delivery: Delivery) -> bool:
    """Return the result of a rule, or True if it raises an error. True is slower, but safe."""
    try:
        return rule(document)
    except Exception as error:
        _log_error("body_not_classified", delivery, error)
        return True


def _log_error(log_event: str, delivery: Delivery, error: Exception) -> None:
    ids = {**delivery.labels, "message_id": delivery.message_id}
    logger.error(log_event, extra={**ids, "error": error_location(error)})


def _task_id(identity: str, step: int) -> str:
    return str(uuid5(TASK_ID_NAMESPACE, f"{identity}:{step}"))


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _package(task_name: str) -> str:
    """Return the top-level package in a task's name, or "" if the name has none."""
    package, dot, _ = task_name.partition(".")
    return package if dot else ""


def _has_shape_of_celery(document: Any) -> bool:
    return (
        isinstance(document, dict)
        and isinstance(document.get("headers"), dict)
        and isinstance(document["headers"].get("task"), str)
    )


def _arguments(document: dict[str, Any]) -> list[Any]:
    body = document.get("body")
    match _parse_json(body) if isinstance(body, str) else None:
        case [list(arguments), dict(keywords), dict()] if not keywords:
            return arguments
        case _:
            raise NotAllowed("the body is not in the form that FifoTask writes")
