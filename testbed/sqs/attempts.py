"""Remembers the messages of receive attempts, so that a repeated attempt receives them again.

Source: Amazon SQS API Reference, ReceiveMessage, "ReceiveRequestAttemptId".
"""

from collections.abc import Sequence
from dataclasses import dataclass

from testbed.sqs.message import Message

_REMEMBERED_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class _Attempt:
    """The messages of a receive, each with its receipt handle and lease end at that time."""

    received_at: float
    messages: Sequence[tuple[Message, str | None, float | None]]


class ReceiveAttempts:
    """The attempts of the last five minutes, by id."""

    def __init__(self) -> None:
        self._attempts: dict[str, _Attempt] = {}

    def remember(self, attempt_id: str, *, messages: Sequence[Message], now: float) -> None:
        """Store the messages of an attempt."""
        self._forget_old(now=now)
        if messages:
            taken = [(one, one.receipt_handle, one.lease_end) for one in messages]
            self._attempts[attempt_id] = _Attempt(now, taken)

    def repeated(self, attempt_id: str, *, now: float) -> list[Message]:
        """Return the messages of the attempt, or an empty list if any has changed since."""
        self._forget_old(now=now)
        attempt = self._attempts.get(attempt_id)
        if attempt is None or not all(
            message.receipt_handle == handle and message.lease_end == lease_end
            for message, handle, lease_end in attempt.messages
        ):
            return []
        return [message for message, _handle, _lease_end in attempt.messages]

    def _forget_old(self, *, now: float) -> None:
        old = [
            attempt_id
            for attempt_id, attempt in self._attempts.items()
            if now - attempt.received_at > _REMEMBERED_SECONDS
        ]
        for attempt_id in old:
            del self._attempts[attempt_id]
