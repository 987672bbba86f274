"""The deduplication ids of the last five minutes."""

from collections import OrderedDict
from dataclasses import dataclass

WINDOW_SECONDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstSend:
    """The send that a duplicate repeats."""

    message_id: str
    sequence: int
    sent_at: float


class DeduplicationMemory:
    """The sends of the last five minutes by deduplication id, also those of deleted messages.

    Source: "Exactly-once processing in Amazon SQS", Amazon SQS Developer Guide: the interval is
    five minutes, and SQS keeps track of the id even after the message is received and deleted.
    """

    def __init__(self) -> None:
        self._sends: OrderedDict[tuple[str | None, str], FirstSend] = OrderedDict()

    def find(self, *, group_id: str | None, deduplication_id: str, now: float) -> FirstSend | None:
        """Return the first send with this id, in this group if one is given."""
        while self._sends:
            oldest = next(iter(self._sends))
            if self._sends[oldest].sent_at + WINDOW_SECONDS > now:
                break
            del self._sends[oldest]
        return self._sends.get((group_id, deduplication_id))

    def remember(self, *, group_id: str | None, deduplication_id: str, send: FirstSend) -> None:
        """Add a send. Sends must be added in the order of their times."""
        self._sends[group_id, deduplication_id] = send
