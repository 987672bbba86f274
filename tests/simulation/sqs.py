"""SQS in memory for random schedules: the strict model's queues with latency and faults."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from celery_sqs_fifo.consuming.sqs_calls import Answer, WhenDone
from testbed.sqs.attributes import checked_attributes
from testbed.sqs.errors import SqsError
from testbed.sqs.message import Message, NewMessage
from testbed.sqs.presentation import shown_message
from testbed.sqs.queue import FifoQueue
from tests.simulation.events import Event, Journal
from tests.simulation.faults import NO_FAULT, QUEUE_IS_GONE, Fault
from tests.support.fake_loop import FakeLoop

QUEUE, DEAD_LETTERS = "events.fifo", "dead.fifo"
RECEIVE, SEND = "ReceiveMessage", "SendMessage"
DELETE, CHANGE = "DeleteMessageBatch", "ChangeMessageVisibilityBatch"
# How often a long poll looks for messages.
POLL_STEP = 0.5


@dataclass(frozen=True, kw_only=True)
class Request:
    """An open call; `answer` is called once."""

    action: str
    queue_url: str
    parameters: dict[str, Any]
    fault: Fault
    answer: WhenDone


class ModelSqs:
    """Both queues. `running` returns the receipt handles of all running deliveries."""

    def __init__(self, *, loop: FakeLoop, journal: Journal, lease: int, is_greedy: bool) -> None:
        self.latency = 0.0
        self.faults: dict[str, deque[Fault]] = {
            action: deque() for action in (RECEIVE, SEND, DELETE, CHANGE)
        }
        # Handles of leases that the schedule ended early. Workers cannot know about it.
        self.ended_early: set[str] = set()
        # Handles of leases whose renewal or release failed.
        self.hindered: set[str] = set()
        self.gone_until = 0.0
        self.running: Callable[[], Iterable[str]] = tuple
        self._loop = loop
        self._journal = journal
        self._queue, self._dead_letters = (
            FifoQueue(
                name=name,
                arn=f"arn:aws:sqs:us-east-1:123456789012:{name}",
                attributes=checked_attributes({"VisibilityTimeout": str(lease)}),
                now=loop.time(),
                greedy=is_greedy,
            )
            for name in (QUEUE, DEAD_LETTERS)
        )

    def put(self, event: Event, *, age: float) -> None:
        """Send an event, as if a producer had sent it `age` seconds ago."""
        message = NewMessage(
            body=event.body, group_id=event.group, deduplication_id=event.name, attributes={}
        )
        event.queued_at = self._loop.time() - age
        sent = self._queue.send(message=message, now=event.queued_at)
        self._journal.note_sent(event, message_id=sent.message_id)

    def request(
        self,
        action: str,
        queue_url: str,
        parameters: dict[str, Any],
        *,
        answer: WhenDone,
        at_once: bool,
    ) -> None:
        """Start a call of a worker, or answer it at once if `at_once`."""
        fault = self._next_fault(action, queue_url)
        if action == CHANGE and fault is not NO_FAULT:
            self.hindered |= {entry["ReceiptHandle"] for entry in parameters["Entries"]}
            for entry in parameters["Entries"]:
                if message := self._queue.message_of(receipt_handle=entry["ReceiptHandle"]):
                    self._journal.of(message.message_id).may_run_twice = True
        request = Request(
            action=action, queue_url=queue_url, parameters=parameters, fault=fault, answer=answer
        )
        if at_once:
            result = self._act(request) if fault.is_done else {}
            answer({} if fault.error else result, fault.error)
        else:
            self._loop.call_later(self.latency + fault.arrives_after, self._arrive, request)

    def end_leases(self) -> None:
        """End all leases early."""
        for message in self._in_flight():
            self._end_early(message)

    def end_one_lease(self, pick: int) -> None:
        """End one lease early. Its group stays locked while it has other messages in flight."""
        if held := self._in_flight():
            self._end_early(held[pick % len(held)])

    def has_deleted(self, handle: str) -> bool:
        """Return whether the message of this handle is deleted."""
        return self._queue.message_of(receipt_handle=handle) is None

    def lease_left(self, handle: str) -> float:
        """Return how many seconds of this handle's lease are left, or 0 if it has ended."""
        now = self._loop.time()
        self._queue.counts(now=now)
        message = self._queue.message_of(receipt_handle=handle)
        if message is None or message.lease_end is None or message.receipt_handle != handle:
            return 0.0
        return message.lease_end - now

    @property
    def is_empty(self) -> bool:
        """Return whether all sent messages are deleted."""
        counts = self._queue.counts(now=self._loop.time())
        return not (counts.visible or counts.in_flight)

    def _next_fault(self, action: str, queue_url: str) -> Fault:
        if queue_url == QUEUE and self._loop.now < self.gone_until:
            return QUEUE_IS_GONE
        waiting = self.faults[action]
        return waiting.popleft() if waiting else NO_FAULT

    def _in_flight(self) -> list[Message]:
        self._queue.counts(now=self._loop.time())
        return self._queue._leases.oldest_first()

    def _end_early(self, message: Message) -> None:
        self.ended_early.add(str(message.receipt_handle))
        self._journal.of(message.message_id).may_run_twice = True
        self._queue._release(message)

    def _arrive(self, request: Request) -> None:
        if not request.fault.is_done:
            self._answer(request, {})
        elif request.action == RECEIVE:
            self._poll(request, until=self._loop.now + request.parameters["WaitTimeSeconds"])
        else:
            self._answer(request, self._act(request))

    def _poll(self, request: Request, *, until: float) -> None:
        """Poll until a message arrives or the time is over.

        The poll continues after its worker has ended. SQS delivers its messages again when their
        leases end.
        """
        if self._loop.now < self.gone_until:
            self._answer(replace(request, fault=QUEUE_IS_GONE), {})
            return
        answer = self._act(request)
        if answer["Messages"] or self._loop.now >= until:
            self._answer(request, answer)
        else:
            self._loop.call_later(POLL_STEP, partial(self._poll, request, until=until))

    def _answer(self, request: Request, answer: Answer) -> None:
        fault = request.fault
        result = {} if fault.error else answer
        self._loop.call_later(
            self.latency + fault.answers_after, request.answer, result, fault.error
        )

    def _act(self, request: Request) -> Answer:
        match request.action:
            case "ReceiveMessage":
                return self._receive(request.parameters)
            case "SendMessage":
                return self._quarantine(request)
            case _:
                return self._each_entry(request)

    def _receive(self, parameters: dict[str, Any]) -> Answer:
        messages = self._queue.receive(
            limit=parameters["MaxNumberOfMessages"],
            visibility_timeout=parameters["VisibilityTimeout"],
            dead_letters=None,
            now=self._loop.time(),
        )
        wanted = frozenset(parameters["MessageSystemAttributeNames"])
        shown = [
            shown_message(message=message, system_attributes=wanted, attribute_patterns=["All"])
            for message in messages
        ]
        return {"Messages": shown}

    def _quarantine(self, request: Request) -> Answer:
        parameters = request.parameters
        attributes = parameters["MessageAttributes"]
        message = NewMessage(
            body=parameters["MessageBody"],
            group_id=parameters["MessageGroupId"],
            deduplication_id=parameters["MessageDeduplicationId"],
            attributes=attributes,
        )
        if request.queue_url != DEAD_LETTERS:
            self._journal.violations.append(f"a copy is sent to {request.queue_url}")
        sent = self._dead_letters.send(message=message, now=self._loop.time())
        if not sent.is_duplicate:
            self._journal.note_dead(
                attributes["source_message_id"]["StringValue"],
                reason=attributes["reason"]["StringValue"],
            )
        return {"MessageId": sent.message_id, "SequenceNumber": str(sent.sequence)}

    def _each_entry(self, request: Request) -> Answer:
        successful, failed = [], []
        for number, entry in enumerate(request.parameters["Entries"]):
            try:
                if number == 0 and request.fault.skips_first_entry:
                    raise SqsError(code="InternalError", message="", status=500)
                self._settle(request.action, entry)
            except SqsError as error:
                failed.append({"Id": entry["Id"], "Code": error.code, "SenderFault": True})
            else:
                successful.append({"Id": entry["Id"]})
        return {"Successful": successful, **({"Failed": failed} if failed else {})}

    def _settle(self, action: str, entry: dict[str, Any]) -> None:
        handle, now = entry["ReceiptHandle"], self._loop.time()
        ends_lease = action == DELETE or entry["VisibilityTimeout"] == 0
        if ends_lease and handle in self.running():
            self._journal.violations.append(f"{action} ends the lease of a running delivery")
        if action == CHANGE:
            timeout = entry["VisibilityTimeout"]
            self._queue.change_visibility(
                receipt_handle=handle, visibility_timeout=timeout, now=now
            )
        elif deleted := self._queue.delete(receipt_handle=handle, now=now):
            self._journal.note_deleted(deleted.message_id)
