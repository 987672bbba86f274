"""From SQS messages to Celery messages, and who may have a task run.

A body on the queue is an event, whatever its shape, unless it is a Celery message: then its task
must be a declared pointer, with arguments of the pointer's form. Nothing else on the queue is able
to name a task.
"""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID, uuid4, uuid5

from celery import Celery
from kombu.utils.json import dumps

from celery_sqs_fifo.delivery import Delivery
from celery_sqs_fifo.errors import places_of
from celery_sqs_fifo.running.batch import QueuedEvent
from celery_sqs_fifo.running.task import QUEUED_AT, FifoTask, PointerForm

logger = logging.getLogger(__name__)

# The id of a task that an SQS message starts is derived from the message's, so that all its
# deliveries are one task in the eyes of operators.
TASK_IDS = UUID("0d7f2d1e-7a55-4c37-9c1b-6f1f6a3f4b11")

PROBE_TAG = "probe:"
STALE_AFTER = 300


class LabelsOf(Protocol):
    """The application's function that says what logs tell of a message on the queue.

    It gets an event's JSON (None where a body is no JSON), or a pointer's task and arguments. What
    it gives goes into log lines as it is, so it has to be free of what people wrote.
    """

    def __call__(
        self, *, group_id: str, event: Any = None, task: str = "", arguments: Sequence[str] = ()
    ) -> Mapping[str, Any]:
        """The names and values of a log line."""


def no_labels(**_message: Any) -> dict[str, Any]:
    """For applications whose logs tell messages apart by their ids alone."""
    return {}


def never(_document: Any) -> bool:
    """For applications whose events may all be replayed within their group, and share bundles."""
    return False


class NotAllowed(Exception):
    """A Celery message that no pointer of ours can have made. The text quotes no argument."""


class Envelope:
    """Turns the deliveries of one queue into Celery messages.

    `chain` names the tasks that an event runs through. Of an event's JSON (None where a body is no
    JSON) `is_barrier` says whether it closes or reopens, `goes_alone` whether it must have had its
    whole effect before a later one of its group has any, and `labels_of` what logs say of it.
    """

    def __init__(
        self,
        *,
        app: Celery,
        queue: str,
        chain: Sequence[str],
        is_barrier: Callable[[Any], bool],
        goes_alone: Callable[[Any], bool] = never,
        labels_of: LabelsOf = no_labels,
    ) -> None:
        self._app = app
        self._queue = queue
        self._chain = chain
        self._is_barrier = is_barrier
        self._goes_alone = goes_alone
        self._labels_of = labels_of

    def classify(self, delivery: Delivery) -> None:
        """Note on the delivery whether Celery wrote it, what it must not run with, its labels."""
        document = _read(delivery.body)
        delivery.is_celery = _is_celery_message(document)
        delivery.labels.update(self._labels(delivery, document))
        if delivery.is_celery:
            task = self._task_of(document)
            delivery.is_barrier = isinstance(task, FifoTask) and task.is_barrier
        else:
            delivery.is_barrier = _may_be(self._is_barrier, document, delivery)
            delivery.is_single = _may_be(self._goes_alone, document, delivery)

    def _labels(self, delivery: Delivery, document: Any) -> Mapping[str, Any]:
        """Without labels rather than not at all."""
        try:
            if not delivery.is_celery:
                return self._labels_of(group_id=delivery.group_id, event=document)
            try:
                task, arguments = self._pointer_of(document)
            except NotAllowed:
                return self._labels_of(group_id=delivery.group_id)
            return self._labels_of(group_id=delivery.group_id, task=task.name, arguments=arguments)
        except Exception as error:
            _log_error("a message could not be labelled", delivery, error)
            return {}

    def message(self, bundle: Sequence[Delivery]) -> dict[str, Any]:
        """The Celery message that runs a bundle, in kombu's form. Raises NotAllowed for a forgery.

        Its delivery tag is the receipt handle of the first.
        """
        is_pointer = bundle[0].is_celery
        message = self._pointer(bundle[0]) if is_pointer else self._events(bundle)
        headers = message["headers"]
        for delivery in bundle:
            delivery.labels.update(
                task_id=headers["id"], step=headers["task"], attempt=delivery.failures + 1
            )
        return message

    def is_stale_tick(self, delivery: Delivery, *, now: float) -> bool:
        """Whether this is a pointer without arguments that has waited for over five minutes.

        Each tick does all the work that there is: after an outage one will do.
        """
        if not delivery.is_celery or now - delivery.queued_at / 1000 <= STALE_AFTER:
            return False
        task = self._task_of(_read(delivery.body))
        return isinstance(task, FifoTask) and task.pointer is PointerForm.NO_ARGUMENTS

    def probe(self, task_name: str) -> tuple[str, dict[str, Any]]:
        """A delivery tag and a Celery message of our own that runs a probe."""
        identity = str(uuid4())
        tag = PROBE_TAG + identity
        message = self._app.amqp.as_task_v2(identity, task_name, ignore_result=True)
        return tag, self._in_kombu_form(message.headers, message.body, tag=tag, retries=0)

    def is_probe(self, tag: str) -> bool:
        """Whether a delivery tag is a probe's."""
        return tag.startswith(PROBE_TAG)

    def _events(self, bundle: Sequence[Delivery]) -> dict[str, Any]:
        first, *tail = self._chain
        identity = ",".join(delivery.message_id for delivery in bundle)
        signatures = [
            self._app.tasks[name].s().set(task_id=_task_id(identity, step))
            for step, name in enumerate(tail, start=1)
        ]
        message = self._app.amqp.as_task_v2(
            _task_id(identity, 0),
            first,
            args=([QueuedEvent.of(delivery).as_json() for delivery in bundle],),
            chain=[dict(signature) for signature in reversed(signatures)] or None,
            argsrepr=f"({identity})",
            kwargsrepr="{}",
            ignore_result=True,
        )
        return self._in_kombu_form(
            message.headers,
            message.body,
            tag=bundle[0].receipt_handle,
            retries=bundle[0].failures,
        )

    def _pointer(self, delivery: Delivery) -> dict[str, Any]:
        """Of what stands on the queue, only the task's name and the arguments count."""
        task, arguments = self._pointer_of(_read(delivery.body))
        labels = {**delivery.labels, "message_id": delivery.message_id}
        message = self._app.amqp.as_task_v2(
            _task_id(delivery.message_id, 0),
            task.name,
            args=arguments,
            kwargsrepr="{}",
            ignore_result=True,
        )
        return self._in_kombu_form(
            # The pool process knows no more of the message than these and the arguments.
            {**message.headers, "labels": labels, QUEUED_AT: delivery.queued_at},
            message.body,
            tag=delivery.receipt_handle,
            retries=delivery.failures,
        )

    def _pointer_of(self, document: Any) -> tuple[FifoTask, list[Any]]:
        """The task and the arguments of a Celery message. Raises NotAllowed for a forgery."""
        task = self._task_of(document)
        if not isinstance(task, FifoTask) or task.pointer is None:
            raise NotAllowed("the task is no declared pointer")
        arguments = _arguments(document)
        _check_arguments(task.pointer, arguments)
        return task, arguments

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


def _may_be(is_so: Callable[[Any], bool], document: Any, delivery: Delivery) -> bool:
    """What the application cannot tell of a body is taken to be so: slower, and safe."""
    try:
        return is_so(document)
    except Exception as error:
        _log_error("a body could not be classified", delivery, error)
        return True


def _log_error(sentence: str, delivery: Delivery, error: Exception) -> None:
    ids = {**delivery.labels, "message_id": delivery.message_id}
    logger.error(sentence, extra={**ids, "error": places_of(error)})


def _task_id(identity: str, step: int) -> str:
    return str(uuid5(TASK_IDS, f"{identity}:{step}"))


def _read(body: str) -> Any:
    """The JSON in a body, or None: whether it is valid is for the event's own task to say."""
    try:
        # No number is needed here, and Python refuses to read very long ones.
        return json.loads(body, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return None


def _is_celery_message(document: Any) -> bool:
    return (
        isinstance(document, dict)
        and "event_type" not in document
        and isinstance(document.get("headers"), dict)
        and isinstance(document["headers"].get("task"), str)
    )


def _arguments(document: dict[str, Any]) -> list[Any]:
    body = document.get("body")
    match _read(body) if isinstance(body, str) else None:
        case [list(arguments), dict(keywords), dict()] if not keywords:
            return arguments
        case _:
            raise NotAllowed("the body is not in the form that this service writes")


def _check_arguments(form: PointerForm, arguments: list[Any]) -> None:
    if form is PointerForm.NO_ARGUMENTS and arguments:
        raise NotAllowed("this pointer takes no arguments")
    if form is PointerForm.ONE_UUID:
        try:
            (text,) = arguments
            is_uuid = str(UUID(text)) == text
        except (ValueError, TypeError, AttributeError):
            is_uuid = False
        if not is_uuid:
            raise NotAllowed("this pointer takes one UUID")
