"""Checks the rules for the leases of the messages that a worker has received.

Violations are noted in the journal.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from celery_sqs_fifo.consuming.sqs_calls import Answer
from celery_sqs_fifo.delivery import Delivery
from tests.simulation.events import Journal
from tests.simulation.sqs import CHANGE, DELETE, ModelSqs

if TYPE_CHECKING:
    from tests.simulation.workers import Worker

# The error code of an entry that the worker may retry.
TRANSIENT_ERROR = "InternalError"


class LeaseRules:
    """Checks the leases of one worker. `lease` is their length in seconds."""

    def __init__(self, *, holder: "Worker", sqs: ModelSqs, journal: Journal, lease: int) -> None:
        self._holder = holder
        self._sqs = sqs
        self._journal = journal
        self._lease = lease
        # The groups and the sequence numbers of the received messages, by receipt handle.
        self._groups: dict[str, str] = {}
        self._sequence_numbers: dict[str, int] = {}
        self._excused: set[str] = set()
        # The handles of parked messages, and of those that the worker has tried to give back.
        self._parked: set[str] = set()
        self._given_back: set[str] = set()

    def excuse(self) -> None:
        """Allow the leases of held deliveries to run out, because the event loop did not run.

        This ends for each lease when it is renewed.
        """
        self._excused |= {delivery.receipt_handle for delivery in self._held()}

    def on_call(self, action: str, parameters: dict[str, Any]) -> None:
        """Check that no delivery is given back while later ones of its group wait in the worker."""
        if action != CHANGE:
            return
        held = {delivery.receipt_handle for delivery in self._held()}
        for entry in parameters["Entries"]:
            handle = entry["ReceiptHandle"]
            if handle in self._parked | self._given_back:
                # An operator makes the message visible, or the worker repeats a call whose answer
                # was lost. It has received the waiting deliveries of the group since then.
                continue
            if entry["VisibilityTimeout"] and handle not in held:
                self._parked.add(handle)
            elif entry["VisibilityTimeout"]:
                continue
            else:
                self._given_back.add(handle)
            if self._waiting_behind(handle):
                self._complain(handle, "is given back before later ones of its group")

    def has_parked(self, handle: str) -> bool:
        """Return whether the worker has parked the message with this handle."""
        return handle in self._parked

    def on_received(self, messages: Iterable[dict[str, Any]]) -> None:
        """Note the groups of received messages."""
        for message in messages:
            handle, attributes = message["ReceiptHandle"], message["Attributes"]
            self._groups[handle] = attributes["MessageGroupId"]
            self._sequence_numbers[handle] = int(attributes["SequenceNumber"])

    def on_answer(self, action: str, parameters: dict[str, Any], answer: Answer) -> None:
        """Check that the worker drops a delivery with a lost lease, and later ones of its group."""
        held = {delivery.receipt_handle for delivery in self._holder.gate}
        for handle in set(_lost_by(action, parameters, answer)) - self._parked:
            if self._waiting_behind(handle):
                self._complain(handle, "is lost, but later ones of its group are kept")
            if handle in held and handle not in self._holder.handles:
                self._complain(handle, "is lost, but still held")
        self._excused -= _renewed_by(action, parameters, answer)

    def check_begin(self, delivery: Delivery) -> None:
        """Check that a run starts with enough of its lease left."""
        handle = delivery.receipt_handle
        if handle not in self._sqs.ended_early and self._sqs.lease_left(handle) < self._lease / 10:
            self._complain(handle, "begins with less than a tenth of its lease")

    def check_held(self) -> None:
        """Check that no held lease runs out while the loop runs and renewals reach SQS."""
        excused = self._excused | self._sqs.hindered | self._sqs.ended_early
        for handle in [delivery.receipt_handle for delivery in self._held()]:
            is_leased = self._sqs.lease_left(handle) or self._sqs.has_deleted(handle)
            if not is_leased and handle not in excused:
                self._complain(handle, "is held, but its lease has run out")

    def check_given_back(self) -> None:
        """Check that a stopped worker holds only leases of running or finished deliveries.

        Call this only when the worker has no open calls.
        """
        finished = {delivery.receipt_handle for delivery in self._holder.undeleted}
        excused = finished | self._sqs.hindered | set(self._holder.handles) | self._parked
        for handle in self._groups.keys() - excused:
            if self._sqs.lease_left(handle):
                self._complain(handle, "is still leased by a stopped worker")

    def _held(self) -> list[Delivery]:
        return [*self._holder.gate, *self._holder.undeleted]

    def _waiting_behind(self, handle: str) -> bool:
        """Return whether a later message of the same group waits."""
        return any(
            delivery.place.sequence_number > self._sequence_numbers[handle]
            for delivery in self._holder.gate.waiting(self._groups[handle])
        )

    def _complain(self, handle: str, what: str) -> None:
        self._journal.violations.append(f"{handle} of {self._groups[handle]} {what}")


def _lost_by(action: str, parameters: dict[str, Any], answer: Answer) -> list[str]:
    """Return the handles that an answer reports as lost."""
    failed = {int(entry["Id"]): entry["Code"] for entry in answer.get("Failed", ())}
    entries = parameters.get("Entries", [])
    return [
        entry["ReceiptHandle"]
        for number, entry in enumerate(entries)
        if failed.get(number, TRANSIENT_ERROR) != TRANSIENT_ERROR
        and (action == DELETE or entry["VisibilityTimeout"] > 0)
    ]


def _renewed_by(action: str, parameters: dict[str, Any], answer: Answer) -> set[str]:
    """Return the handles of the leases that an answer reports as renewed."""
    if action != CHANGE:
        return set()
    done = {int(entry["Id"]) for entry in answer.get("Successful", ())}
    return {
        entry["ReceiptHandle"]
        for number, entry in enumerate(parameters["Entries"])
        if number in done and entry["VisibilityTimeout"] > 0
    }
