"""What a worker owes to the leases of what it received, whatever happens to it.

A rule that is broken is noted in the journal.
"""

from collections.abc import Iterable
from typing import Any, Protocol

from celery_sqs_fifo.consuming.gate import Gate
from celery_sqs_fifo.consuming.sqs_calls import Answer
from celery_sqs_fifo.delivery import Delivery
from tests.support.schedules_events import Journal
from tests.support.schedules_sqs import CHANGE, DELETE, ModelSqs

# What a delete is answered where the worker may simply try it again.
PASSING = "InternalError"


class Holder(Protocol):
    """A worker: what it holds, what of that its pool runs, and what it has yet to delete."""

    is_stopped: bool

    @property
    def gate(self) -> Gate: ...

    @property
    def handles(self) -> list[str]: ...

    @property
    def undeleted(self) -> list[Delivery]: ...


class LeaseRules:
    """Watches the calls of one worker, and what it holds. `lease` is the length of its leases."""

    def __init__(self, *, holder: Holder, sqs: ModelSqs, journal: Journal, lease: int) -> None:
        self._holder = holder
        self._sqs = sqs
        self._journal = journal
        self._lease = lease
        # The group of each receipt handle that it received.
        self._groups: dict[str, str] = {}
        self._excused: set[str] = set()

    def excuse(self) -> None:
        """Its loop has not turned: what it holds now may be lost through no fault of its own.

        That ends for each lease when it is renewed.
        """
        self._excused |= {delivery.receipt_handle for delivery in self._held()}

    def on_asked(self, action: str, parameters: dict[str, Any]) -> None:
        """What is given back must not be overtaken by what waits behind it."""
        if action != CHANGE:
            return
        for entry in parameters["Entries"]:
            handle = entry["ReceiptHandle"]
            if entry["VisibilityTimeout"] == 0 and self._waiting(self._groups[handle]):
                self._complain(handle, "is given back, and what waits behind it is not")

    def on_received(self, messages: Iterable[dict[str, Any]]) -> None:
        """Note which messages SQS has leased to it."""
        for message in messages:
            self._groups[message["ReceiptHandle"]] = message["Attributes"]["MessageGroupId"]

    def on_answered(self, action: str, parameters: dict[str, Any], answer: Answer) -> None:
        """Once it knows that a lease is lost, it must not go on with it, or with what follows."""
        held = {delivery.receipt_handle for delivery in self._holder.gate}
        for handle in _lost_by(action, parameters, answer):
            if self._waiting(self._groups[handle]):
                self._complain(handle, "is lost, and what waits behind it is kept")
            if handle in held and handle not in self._holder.handles:
                self._complain(handle, "is lost, and held as before")
        self._excused -= _renewed_by(action, parameters, answer)

    def check_begin(self, delivery: Delivery) -> None:
        """Nothing begins that may soon be delivered to another worker."""
        handle = delivery.receipt_handle
        if handle not in self._sqs.ended_early and self._sqs.lease_left(handle) < self._lease / 10:
            self._complain(handle, "begins with less than a tenth of its lease")

    def check_held(self) -> None:
        """While the loop turns and renewals reach SQS, no lease of what is held runs out."""
        excused = self._excused | self._sqs.hindered | self._sqs.ended_early
        for handle in [delivery.receipt_handle for delivery in self._held()]:
            is_leased = self._sqs.lease_left(handle) or self._sqs.has_deleted(handle)
            if not is_leased and handle not in excused:
                self._complain(handle, "is held, and its lease has run out")

    def check_given_back(self) -> None:
        """A worker that is stopped and awaits no answer leases only what runs or is finished."""
        finished = {delivery.receipt_handle for delivery in self._holder.undeleted}
        excused = finished | self._sqs.hindered | set(self._holder.handles)
        for handle in self._groups.keys() - excused:
            if self._sqs.lease_left(handle):
                self._complain(handle, "is kept from the others by a worker that is stopped")

    def _held(self) -> list[Delivery]:
        return [*self._holder.gate, *self._holder.undeleted]

    def _waiting(self, group_id: str) -> bool:
        group = self._holder.gate._groups.get(group_id)
        return bool(group and group.waiting)

    def _complain(self, handle: str, what: str) -> None:
        self._journal.violations.append(f"{handle} of {self._groups[handle]} {what}")


def _lost_by(action: str, parameters: dict[str, Any], answer: Answer) -> list[str]:
    """The handles that an answer reports as lost."""
    failed = {int(entry["Id"]): entry["Code"] for entry in answer.get("Failed", ())}
    entries = parameters.get("Entries", [])
    return [
        entry["ReceiptHandle"]
        for number, entry in enumerate(entries)
        if number in failed
        and (failed[number] != PASSING if action == DELETE else entry["VisibilityTimeout"] > 0)
    ]


def _renewed_by(action: str, parameters: dict[str, Any], answer: Answer) -> set[str]:
    """The handles of the leases that an answer reports as renewed."""
    if action != CHANGE:
        return set()
    done = {int(entry["Id"]) for entry in answer.get("Successful", ())}
    return {
        entry["ReceiptHandle"]
        for number, entry in enumerate(parameters["Entries"])
        if number in done and entry["VisibilityTimeout"] > 0
    }
