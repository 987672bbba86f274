"""The interface of all data lake clients."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from apps.common.errors import ConversationServiceError, Unavailable

LakeEvent = dict[str, Any]

# The name of the data lake in messages about outages.
LAKE = "The data lake"


class DataLake(Protocol):
    """A destination of events for analysis. One call takes at most `max_batch_size` events.

    The events of a smaller batch wait until the oldest is `gather_for` old.
    """

    max_batch_size: int
    gather_for: timedelta = timedelta(0)

    def send(self, events: Sequence[LakeEvent]) -> None:
        """Deliver these events at least once, in order. An empty sequence is allowed.

        A repeated event has the same `event_id`, so the lake can drop it. Raise Unavailable if the
        lake does not answer or refuses temporarily; the caller must send all events again. Raise
        Refused if the lake will never take some of the events; the remaining ones are delivered.
        """

    def compact(self, *, now: datetime) -> Iterator[int]:
        """Merge small files of past days. Yield the number of files of each merge.

        A lake that has no files of its own merges nothing. Raise Unavailable if the lake does not
        answer.
        """
        yield from ()


class Refused(ConversationServiceError):
    """The lake will never take some of the events.

    `reasons` maps their event ids to short words, which quote nothing from the events.
    """

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__(reasons)
        self.reasons = dict(reasons)

    def __str__(self) -> str:
        words = ", ".join(sorted(set(self.reasons.values())))
        return f"The data lake refuses {len(self.reasons)} of the events: {words}"


def lake_is_unavailable(message: str) -> Unavailable:
    """Return the error for a lake that does not answer or refuses temporarily."""
    return Unavailable(LAKE, message)
