"""The task classes for FIFO queues: pointers, and the steps of an event's chain."""

import time
from typing import Any
from uuid import NAMESPACE_OID, uuid4, uuid5

from celery import Task, current_task
from celery.app.trace import trace_task

from celery_sqs_fifo.control.announcing import announce_end, announce_start, redact
from celery_sqs_fifo.delivery import DONE, Outcome
from celery_sqs_fifo.place import PLACE, Place
from celery_sqs_fifo.running.batch import BatchItem, EventsFailed, QueuedEvent, bug_outcome
from celery_sqs_fifo.running.pointers import PointerForm

# A FIFO queue accepts no delay for a single message and never reorders messages. A pointer must
# not carry callbacks, and must not expire.
UNSUPPORTED_OPTIONS = ("countdown", "eta", "expires", "priority", "link", "link_error")
# The group in the place of a pointer task that is called directly.
DIRECT_CALL = "direct-call"


class UnsupportedOnFifo(TypeError):
    """A call uses a feature of Celery that a FIFO queue does not support."""


class FifoTask(Task):
    """A task that is published to, and run from, a FIFO queue.

    pointer: the form of the arguments; required for a task that a message on the queue may run.
    message_group: the group of all calls; if it is None, each call must pass a group.
    is_barrier: whether the task runs only after SQS has confirmed the deletes of all earlier
        messages of its group, and later messages only after the task's own delete is confirmed.
    deduplicate_for: the period in seconds within which equal calls are one message.
    """

    abstract = True
    Request = "celery_sqs_fifo.running.request:FifoRequest"
    acks_late = True
    acks_on_failure_or_timeout = False
    reject_on_worker_lost = True
    ignore_result = True

    pointer: PointerForm | None = None
    message_group: str | None = None
    is_barrier: bool = False
    deduplicate_for: int = 1
    # Whether the pool process sends the event for the task's end, with its runtime and outcomes.
    announces_its_end = False

    @property
    def place(self) -> Place:
        """Return the place of the pointer on the queue.

        A task that is called directly was never queued. Its place is the current time in a group of
        its own.
        """
        text = self.request.get(PLACE)
        return Place.parse(text) if text else Place(int(time.time() * 1000), 0, DIRECT_CALL)

    def outcome_of(self, error: Exception) -> Outcome:
        """Return the outcome of an error that the task raised: a bug, unless overridden."""
        return bug_outcome(error)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task. Raise EventsFailed with the outcome if it fails.

        A task that is called directly raises its own error.
        """
        if self.request.called_directly:
            return self.run(*args, **kwargs)
        try:
            return self.run(*args, **kwargs)
        except EventsFailed:
            raise
        except Exception as error:
            raise EventsFailed([self.outcome_of(error)]) from None

    def run_in_this_delivery(
        self, *args: Any, chain: list[Any] | None = None, task_id: str | None = None
    ) -> Any:
        """Run this task within the delivery and the process of the calling task.

        To operators it is a separate task. Return its result. Raise EventsFailed with its outcomes
        if it fails.
        """
        caller = (current_task or self).request
        request = {
            "id": task_id or str(uuid4()),
            "task": self.name,
            "root_id": caller.root_id,
            "parent_id": caller.id,
            "chain": chain,
            "retries": caller.retries,
            "hostname": caller.hostname,
            "delivery_info": caller.delivery_info,
            "ignore_result": True,
            "is_eager": False,
        }
        announce_start(self, request, arguments=redact(args))
        traced = trace_task(self, request["id"], args, {}, request, app=self.app)
        error = traced.info.retval if traced.info else None
        if not self.announces_its_end:
            failed = getattr(error, "outcomes", [])
            announce_end(self, request, failed=failed, seconds=traced.runtime, result="None")
        if error:
            raise error
        return traced.retval

    def apply_async(
        self,
        args: Any = None,
        kwargs: Any = None,
        *,
        message_group: str | None = None,
        deduplication_id: str | None = None,
        **options: Any,
    ) -> Any:
        """Publish with a group, which keeps order, and a deduplication id, which drops repeats.

        Calls with equal deduplication ids within five minutes are one message (SQS, "Exactly-once
        processing"). Without a deduplication id, equal calls within the same period of
        `deduplicate_for` seconds are one message. Raise UnsupportedOnFifo for a feature that a FIFO
        queue does not support, and if neither the task nor the call has a group.
        """
        for name in UNSUPPORTED_OPTIONS:
            if options.pop(name, None) is not None:
                raise UnsupportedOnFifo(f"{name} does not work on a FIFO queue: leave it out.")
        if kwargs:
            raise UnsupportedOnFifo(
                "pass arguments by position: a pointer carries no keyword arguments."
            )
        group = message_group or self.message_group
        if not group:
            raise UnsupportedOnFifo(
                f"{self.name} declares no message_group: pass message_group, or order is lost."
            )
        period = int(time.time()) // self.deduplicate_for
        call = ":".join(map(str, (self.name, group, *(args or ()), period)))
        return super().apply_async(
            args,
            kwargs,
            MessageGroupId=group,
            MessageDeduplicationId=deduplication_id or str(uuid5(NAMESPACE_OID, call)),
            **options,
        )

    def retry(self, *args: Any, **kwargs: Any) -> Any:
        """Raise UnsupportedOnFifo: a copy at the end of the queue would lose its place."""
        raise UnsupportedOnFifo(
            "self.retry() would send a copy behind later messages. Raise an error instead: the "
            "worker then runs the event again in its place."
        )


class EventTask(FifoTask):
    """A step of the chain that an event runs through.

    `run` receives the batch and sets the outcome of each event that ends in this step. The later
    steps run in the same delivery and the same process: if each step were a message, later events
    of the group could overtake earlier ones, and a chain of three would cost six calls to SQS.
    """

    abstract = True
    announces_its_end = True

    def delivery_begun(self, batch: list[BatchItem]) -> None:
        """Do nothing. Override to act once for each delivery, before its first step."""

    def step_ended(self, batch: list[BatchItem], *, seconds: float) -> None:
        """Do nothing. Override to act after each step; `seconds` is its own runtime."""

    def delivery_ended(self, batch: list[BatchItem]) -> None:
        """Do nothing. Override to act once for each delivery, after its last step.

        The events without an outcome have taken effect.
        """

    def __call__(self, items: list[Any]) -> list[BatchItem]:
        """Run this step and the later ones. Return the batch.

        Raise EventsFailed with all outcomes unless every event took effect.
        """
        batch = [
            item if isinstance(item, BatchItem) else BatchItem(QueuedEvent.from_json(item))
            for item in items
        ]
        started_with = [item for item in batch if item.outcome is None]
        if batch != items:
            self.delivery_begun(batch)
        # Removed from the request, so that Celery does not publish the next step.
        steps, self.request.chain = self.request.chain, None
        started = time.perf_counter()
        try:
            self.run(batch)
        except Exception as error:
            outcome = self.outcome_of(error)
            for item in batch:
                item.outcome = item.outcome or outcome
        seconds = time.perf_counter() - started
        self.step_ended(batch, seconds=seconds)
        announce_end(
            self,
            vars(self.request),
            failed=[item.outcome for item in started_with if item.outcome],
            seconds=seconds,
            result=repr(batch),
        )
        has_pending = any(item.outcome is None for item in batch)
        if steps and has_pending:
            *rest, step = steps
            self.app.tasks[step["task"]].run_in_this_delivery(
                batch, chain=rest, task_id=step["options"]["task_id"]
            )
            return batch
        self.delivery_ended(batch)
        if any(item.outcome for item in batch):
            raise EventsFailed([item.outcome or DONE for item in batch])
        return batch
