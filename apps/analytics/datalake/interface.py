"""The interface of all data lake clients."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from apps.common.errors import ConversationServiceError, Unavailable

LakeEvent = dict[str, Any]

# Its name in messages about outages.
LAKE = "The data lake"


class DataLake(Protocol):
    """A destination of events for analysis; `max_batch_size` is the most events of one call."""

    max_batch_size: int

    def send(self, events: Sequence[LakeEvent]) -> None:
        """Deliver these events at least once, in order. An empty sequence is allowed.

        A repeated event has the same `event_id`, so the lake can drop it. Raises Unavailable if the
        lake does not answer or refuses for now; the caller must send all events again. Raises
        Refused if the lake will never take some of the events; the remaining ones are delivered.
        """


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
    """Return the error for a lake that does not answer or refuses for now."""
    return Unavailable(LAKE, message)
