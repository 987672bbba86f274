"""The deduplication ids of the last five minutes."""

from collections import OrderedDict

from testbed.sqs.message import Sent

WINDOW_SECONDS = 300


class DeduplicationMemory:
    """The sends of the last five minutes by deduplication id, including those of deleted messages.

    Source: "Exactly-once processing in Amazon SQS", Amazon SQS Developer Guide: the interval is
    five minutes, and SQS keeps track of the id even after the message is received and deleted.
    """

    def __init__(self) -> None:
        self._sends: OrderedDict[tuple[str | None, str], tuple[Sent, float]] = OrderedDict()

    def find(self, *, group_id: str | None, deduplication_id: str, now: float) -> Sent | None:
        """Return the first send with this id, in this group if one is given."""
        while self._sends:
            oldest, (_, sent_at) = next(iter(self._sends.items()))
            if sent_at + WINDOW_SECONDS > now:
                break
            del self._sends[oldest]
        sent, _ = self._sends.get((group_id, deduplication_id), (None, now))
        return sent

    def remember(
        self, *, group_id: str | None, deduplication_id: str, sent: Sent, now: float
    ) -> None:
        """Add a send. Sends must be added in the order of their times."""
        self._sends[group_id, deduplication_id] = (sent, now)
