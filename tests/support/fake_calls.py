"""A fake of `sqs_calls.Calls` that records calls and answers them on demand."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from celery_sqs_fifo.consuming.sqs_calls import Answer, WhenDone
from celery_sqs_fifo.delivery import Delivery

_NUMBERS = count(1)


@dataclass(eq=False, kw_only=True)
class Call:
    """A recorded call. It is open until a test answers it."""

    action: str
    queue_url: str
    parameters: dict[str, Any]
    when_done: WhenDone
    is_open: bool = True

    @property
    def handles(self) -> list[str]:
        """Return the receipt handles of a batch."""
        return [entry["ReceiptHandle"] for entry in self.parameters["Entries"]]


@dataclass(eq=False)
class FakeCalls:
    """A fake that leaves calls open until a test answers them.

    at_once: the actions that are answered at once.
    errors: the errors of calls that fail as a whole, by action.
    refused: the error codes of entries that fail within a batch, by receipt handle.
    wait: whether the caller waits for answers, so that every call is answered at once.
    """

    at_once: set[str] = field(default_factory=set)
    errors: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    wait: bool = False
    made: list[Call] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    failing: dict[str, str] = field(default_factory=dict)
    credentials_expire_at: float | None = None

    def __call__(
        self, action: str, *, queue_url: str, when_done: WhenDone, **parameters: Any
    ) -> None:
        """Record a call."""
        self.counts[action] += 1
        call = Call(action=action, queue_url=queue_url, parameters=parameters, when_done=when_done)
        self.made.append(call)
        if self.wait or action in self.at_once:
            self._end(call, None, None)

    def close(self) -> None:
        """Do nothing: no call is open."""

    @property
    def open(self) -> int:
        """Return the number of open calls."""
        return sum(call.is_open for call in self.made)

    def of(self, action: str) -> list[Call]:
        """Return all recorded calls of this action, oldest first."""
        return [call for call in self.made if call.action == action]

    def answer(
        self, action: str, answer: Answer | None = None, *, error: str | None = None
    ) -> None:
        """Answer the oldest open call of an action, with its usual answer unless one is given."""
        call = next(call for call in self.of(action) if call.is_open)
        self._end(call, answer, error)

    def answer_all(self, action: str) -> None:
        """Answer all open calls of an action with their usual answers."""
        for call in self.of(action):
            if call.is_open:
                self._end(call, None, None)

    def receive(self, messages: Iterable[Mapping[str, Any]] = ()) -> None:
        """Answer the open long poll with the given messages."""
        self.answer("ReceiveMessage", {"Messages": list(messages)})

    @property
    def deleted(self) -> list[str]:
        """Return the receipt handles of all deletes, in order."""
        return [handle for call in self.of("DeleteMessageBatch") for handle in call.handles]

    @property
    def released(self) -> list[str]:
        """Return the receipt handles of all messages that were made visible, in order."""
        return self._with_visibility(is_release=True)

    @property
    def renewed(self) -> list[str]:
        """Return the receipt handles of all attempted renewals, in order."""
        return self._with_visibility(is_release=False)

    @property
    def parked(self) -> dict[str, int]:
        """Return the latest visibility timeout of each parked message, by receipt handle.

        Parked messages are those whose timeout was set to a minute or more.
        """
        return {
            entry["ReceiptHandle"]: entry["VisibilityTimeout"]
            for call in self.of("ChangeMessageVisibilityBatch")
            for entry in call.parameters["Entries"]
            if entry["VisibilityTimeout"] >= 60
        }

    def parked_for(self, seconds: int) -> set[str]:
        """Return the receipt handles of the messages that were made invisible for this time."""
        return {
            entry["ReceiptHandle"]
            for call in self.of("ChangeMessageVisibilityBatch")
            for entry in call.parameters["Entries"]
            if entry["VisibilityTimeout"] == seconds
        }

    def _with_visibility(self, *, is_release: bool) -> list[str]:
        return [
            entry["ReceiptHandle"]
            for call in self.of("ChangeMessageVisibilityBatch")
            for entry in call.parameters["Entries"]
            if (entry["VisibilityTimeout"] == 0) is is_release
        ]

    def _end(self, call: Call, answer: Answer | None, error: str | None) -> None:
        call.is_open = False
        error = error or (self.errors.get(call.action) if answer is None else None)
        usual = {} if error else self._usual_answer(call)
        call.when_done(usual if answer is None else answer, error)

    def _usual_answer(self, call: Call) -> Answer:
        if call.action == "ReceiveMessage":
            return {}
        if call.action == "SendMessage":
            return {"MessageId": "copy", "SequenceNumber": "1"}
        failed = [
            {"Id": entry["Id"], "Code": self.refused[entry["ReceiptHandle"]], "SenderFault": True}
            for entry in call.parameters["Entries"]
            if entry["ReceiptHandle"] in self.refused
        ]
        refused = {entry["Id"] for entry in failed}
        successful = [
            {"Id": entry["Id"]}
            for entry in call.parameters["Entries"]
            if entry["Id"] not in refused
        ]
        return {"Successful": successful, **({"Failed": failed} if failed else {})}


def sqs_message(
    name: str = "",
    *,
    group: str = "g",
    body: str = "{}",
    sent_at: float = 1_800_001_000.0,
    attributes: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a message as in an answer to ReceiveMessage; `sent_at` is in seconds since 1970."""
    number = next(_NUMBERS)
    name = name or f"m{number}"
    return {
        "MessageId": name,
        "ReceiptHandle": f"handle-{name}",
        "Body": body,
        "Attributes": {
            "ApproximateReceiveCount": "1",
            "MessageDeduplicationId": name,
            "MessageGroupId": group,
            "SentTimestamp": str(int(sent_at * 1000)),
            "SequenceNumber": f"{number:020d}",
        },
        **({"MessageAttributes": dict(attributes)} if attributes else {}),
    }


def delivery(
    name: str = "",
    *,
    group: str = "g",
    body: str = "{}",
    sent_at: float = 1_800_001_000.0,
    attributes: Mapping[str, Any] | None = None,
    now: float = 1_000.0,
    lease: float = 60.0,
    **changes: Any,
) -> Delivery:
    """Return a delivery that was received at `now`, with the attributes of `changes`."""
    message = sqs_message(name, group=group, body=body, sent_at=sent_at, attributes=attributes)
    received = Delivery.from_sqs(message, now=now, lease=lease)
    for field_name, value in changes.items():
        setattr(received, field_name, value)
    return received


def names(deliveries: Iterable[Delivery]) -> list[str]:
    """Return the message ids of deliveries."""
    return [one.message_id for one in deliveries]
