"""Tasks for FIFO queues: pointers, and the steps of a chain in one delivery."""

import time
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_OID, uuid4, uuid5

from celery import Task, current_task
from celery.app.trace import trace_task

from celery_sqs_fifo.control.announcing import announce_begun, announce_ended, shown
from celery_sqs_fifo.delivery import DONE, Outcome
from celery_sqs_fifo.running.batch import BatchItem, EventsFailed, QueuedEvent, bug_outcome
from celery_sqs_fifo.running.pointers import PointerForm

# What a FIFO queue cannot do (it takes no delay for one message, and never reorders), and what a
# pointer must not carry.
UNSUPPORTED_OPTIONS = ("countdown", "eta", "expires", "priority", "link", "link_error")
# The header of a pointer's Celery message that has its SentTimestamp.
QUEUED_AT = "queued_at"


class UnsupportedOnFifo(TypeError):
    """A feature of Celery that a FIFO queue cannot give, used at a call."""


class FifoTask(Task):
    """A task that is published to, and run from, a FIFO queue.

    A task that a message may start declares the form of its arguments as `pointer`. One whose
    calls all belong to the same group declares it as `message_group`; the others are given one at
    the call. A task that `is_barrier` runs only when the deletes of all before it in its group are
    confirmed, and the next only when its own is.
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
    # Whether the process that runs it tells of its end, with its own time and outcomes.
    announces_its_end = False

    @property
    def queued_at(self) -> datetime:
        """When the pointer that this runs for was queued, by the queue's clock.

        The moment of the call for a task that is called directly: it was never queued.
        """
        milliseconds = self.request.get(QUEUED_AT) or time.time() * 1000
        return datetime.fromtimestamp(milliseconds / 1000, UTC)

    def outcome_of(self, error: Exception) -> Outcome:
        """What an error that the task raised means for its events; a bug unless overridden."""
        return bug_outcome(error)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run, and report an error as the outcome of the delivery."""
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
        """Run as a task of its own, in the delivery and the process of the task that calls this.

        Raises EventsFailed, with what became of it, unless it took effect.
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
        announce_begun(self, request, arguments=shown(args))
        traced = trace_task(self, request["id"], args, {}, request, app=self.app)
        error = traced.info.retval if traced.info else None
        if not self.announces_its_end:
            failed = getattr(error, "outcomes", [])
            announce_ended(self, request, failed=failed, seconds=traced.runtime, result="None")
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

        Equal ids within five minutes are one message (SQS, "Exactly-once processing"); without
        one, equal calls within the same `deduplicate_for` seconds are one. Raises
        UnsupportedOnFifo for what a FIFO queue cannot do, and for a task that neither declares a
        group nor is given one.
        """
        for name in UNSUPPORTED_OPTIONS:
            if options.pop(name, None) is not None:
                raise UnsupportedOnFifo(f"{name} does not work on a FIFO queue: leave it out.")
        if kwargs:
            raise UnsupportedOnFifo("pass arguments by position: a pointer has no others.")
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
        """Not on a FIFO queue: a copy at the queue's end would lose its place."""
        raise UnsupportedOnFifo(
            "self.retry() would send a copy behind later messages. Raise an error instead: the "
            "event is run again in its place."
        )


class EventTask(FifoTask):
    """A step of the chain that a queued event runs through.

    `run` takes the list of works and sets the outcome of those that end here. The steps after it
    run in the same delivery and the same process, because a hop through the queue would let later
    messages of the group overtake, and cost six calls to SQS.
    """

    abstract = True
    announces_its_end = True

    def delivery_begun(self, batch: list[BatchItem]) -> None:
        """Called once a delivery, before its first step; does nothing by itself."""

    def step_ended(self, batch: list[BatchItem], *, seconds: float) -> None:
        """Called after each step, with how long it alone has taken; does nothing by itself."""

    def delivery_ended(self, batch: list[BatchItem]) -> None:
        """Called once a delivery, after its last step: those without an outcome took effect."""

    def __call__(self, items: list[Any]) -> list[BatchItem]:
        """Run this step and those after it; raises EventsFailed unless all events took effect."""
        batch = [
            item if isinstance(item, BatchItem) else BatchItem(QueuedEvent(**item))
            for item in items
        ]
        begun = [item for item in batch if item.outcome is None]
        if batch != items:
            self.delivery_begun(batch)
        # Taken from the request, so that Celery does not publish the next step.
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
        announce_ended(
            self,
            vars(self.request),
            failed=[item.outcome for item in begun if item.outcome],
            seconds=seconds,
            result=repr(batch),
        )
        on_their_way = any(item.outcome is None for item in batch)
        if steps and on_their_way:
            *rest, step = steps
            self.app.tasks[step["task"]].run_in_this_delivery(
                batch, chain=rest, task_id=step["options"]["task_id"]
            )
            return batch
        self.delivery_ended(batch)
        if any(item.outcome for item in batch):
            raise EventsFailed([item.outcome or DONE for item in batch])
        return batch
