"""All queues by name. They can be created, found, deleted, and hidden for some time."""

import re
from collections.abc import Mapping

from testbed.sqs.attributes import QueueAttributes, checked_attributes, normal_text
from testbed.sqs.errors import (
    SqsError,
    invalid_value,
    not_modelled,
    queue_does_not_exist,
)
from testbed.sqs.queue import FifoQueue

# The same as moto's, so that the path of a queue's address is the same on both servers.
ACCOUNT_ID = "123456789012"
_ARN_PREFIX = f"arn:aws:sqs:us-east-1:{ACCOUNT_ID}:"
_FIFO_NAME = re.compile(r"[A-Za-z0-9_-]{1,75}\.fifo")
_RECREATION_SECONDS = 60


class Account:
    """All queues of the server. The time is passed in."""

    def __init__(self, *, greedy: bool) -> None:
        self._greedy = greedy
        self._queues: dict[str, FifoQueue] = {}
        self._deleted_at: dict[str, float] = {}
        self._hidden_until: dict[str, float] = {}

    def create(self, *, name: str, attributes: Mapping[str, str], now: float) -> FifoQueue:
        """Return the new queue, or the existing one with these attributes. Raises SqsError."""
        existing = self._queues.get(name)
        if existing is not None:
            _check_same_attributes(existing.attributes, attributes)
            return existing
        if attributes.get("FifoQueue") != "true" and not name.endswith(".fifo"):
            raise not_modelled(what="standard queues")
        if attributes.get("FifoQueue") != "true" or not _FIFO_NAME.fullmatch(name):
            raise invalid_value(
                name="QueueName",
                value=name,
                reason="The name of a FIFO queue can only include alphanumeric characters, hyphens,"
                " or underscores, must end with .fifo suffix and be 1 to 80 in length.",
            )
        if now < self._deleted_at.get(name, float("-inf")) + _RECREATION_SECONDS:
            raise SqsError(
                code="QueueDeletedRecently",
                message="You must wait 60 seconds after deleting a queue before you can create"
                " another with the same name.",
            )
        checked = checked_attributes(attributes)
        self._check_redrive(checked, name=name)
        queue = FifoQueue(
            name=name, arn=_ARN_PREFIX + name, attributes=checked, now=now, greedy=self._greedy
        )
        self._queues[name] = queue
        return queue

    def find(self, *, name: str, now: float) -> FifoQueue:
        """Return the queue with this name. Raises SqsError if it does not exist or is hidden."""
        queue = self._queues.get(name)
        if queue is None or now < self._hidden_until.get(name, float("-inf")):
            raise queue_does_not_exist()
        return queue

    def set_attributes(self, *, queue: FifoQueue, changes: Mapping[str, str], now: float) -> None:
        """Change attributes. Raises SqsError, without any change, if one is refused."""
        changed = queue.attributes.with_changes(changes)
        self._check_redrive(changed, name=queue.name)
        queue.attributes = changed
        queue.modified_at = now

    def delete(self, *, name: str, now: float) -> None:
        """Delete a queue with its messages. Its name cannot be used again for 60 seconds."""
        del self._queues[self.find(name=name, now=now).name]
        self._deleted_at[name] = now

    def names(self, *, prefix: str, now: float) -> list[str]:
        """Return the sorted names of all queues that are not hidden."""
        return sorted(
            name
            for name in self._queues
            if name.startswith(prefix) and now >= self._hidden_until.get(name, float("-inf"))
        )

    def queues(self) -> list[FifoQueue]:
        """Return all queues, hidden ones included."""
        return list(self._queues.values())

    def dead_letter_queue(self, *, queue: FifoQueue) -> FifoQueue | None:
        """Return the queue that the redrive policy names; None if it does not exist."""
        redrive = queue.attributes.redrive
        return None if redrive is None else self._queues.get(_name_in(redrive.target_arn))

    def hide(self, *, name: str, until: float) -> None:
        """Hide a queue, with its messages, until this time."""
        if name not in self._queues:
            raise queue_does_not_exist()
        self._hidden_until[name] = until

    def _check_redrive(self, attributes: QueueAttributes, *, name: str) -> None:
        redrive = attributes.redrive
        if redrive is None:
            return
        target = _name_in(redrive.target_arn)
        if target == name or target not in self._queues:
            raise invalid_value(
                name="RedrivePolicy",
                value=attributes.texts["RedrivePolicy"],
                reason="Dead letter target does not exist.",
            )


def _name_in(arn: str) -> str:
    return arn.rpartition(":")[2]


def _check_same_attributes(existing: QueueAttributes, given: Mapping[str, str]) -> None:
    for name, text in given.items():
        if existing.texts.get(name) != normal_text(name=name, text=text):
            raise SqsError(
                code="QueueNameExists",
                message="A queue already exists with the same name and a different value for"
                f" attribute {name}",
            )
