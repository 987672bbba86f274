"""What a queue remembers of the deduplication ids it has seen."""

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
    """Five minutes of sends by deduplication id, whatever became of the messages.

    Source: "Exactly-once processing in Amazon SQS", Amazon SQS Developer Guide: the interval is
    five minutes, and SQS keeps track of the id even after the message is received and deleted.
    """

    def __init__(self) -> None:
        self._sends: OrderedDict[tuple[str | None, str], FirstSend] = OrderedDict()

    def find(self, *, group_id: str | None, deduplication_id: str, now: float) -> FirstSend | None:
        """The first send with this id, in this group if one is given."""
        while self._sends:
            oldest = next(iter(self._sends))
            if self._sends[oldest].sent_at + WINDOW_SECONDS > now:
                break
            del self._sends[oldest]
        return self._sends.get((group_id, deduplication_id))

    def remember(self, *, group_id: str | None, deduplication_id: str, send: FirstSend) -> None:
        """Notes a send. Sends are noted in the order of their times."""
        self._sends[group_id, deduplication_id] = send
