"""Possible retries: messages that a producer has probably sent twice.

A producer that retries a turn sends its messages with the same correlation id and text, but with
new message ids. A turn may also have two messages with the same text, so both are kept.
"""

import hashlib
from collections.abc import Iterable

from apps.common.lossless_json import dump
from apps.messages.entries import queue_time_of
from apps.messages.versions import Document, identity

# The time between two messages after which they are not considered, in milliseconds.
MAX_APART = 24 * 3_600_000


class Turns:
    """The messages that were seen, by what a retry repeats: correlation id, type and text."""

    def __init__(self) -> None:
        self._times: dict[bytes, dict[str, int]] = {}

    def is_retry(self, message: Document) -> bool:
        """Return whether a message with another id was the same and came up to a day before.

        Call it for each message of a conversation, in the order of the queue.
        """
        turn = _turn(message)
        times = self._times.setdefault(turn, {}) if turn else {}
        if turn is None or message["id"] in times:
            return False
        at = queue_time_of(message["place"])
        is_retry = any(0 <= at - other <= MAX_APART for other in times.values())
        times[message["id"]] = at
        return is_retry


def retries_among(messages: Iterable[Document]) -> set[str]:
    """Return the identities of the possible retries among these messages."""
    turns = Turns()
    by_time = sorted(messages, key=lambda message: queue_time_of(message["place"]))
    return {identity(message) for message in by_time if turns.is_retry(message)}


def _turn(message: Document) -> bytes | None:
    """Return what the messages of a turn have in common, or None if it has no id or no text."""
    correlation_id, text = message["correlation_id"], message["message"].get("text")
    if not correlation_id or not text:
        return None
    turn = dump([correlation_id, message["event_type"], text])
    return hashlib.sha256(turn.encode()).digest()
