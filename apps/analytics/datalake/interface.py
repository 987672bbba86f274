"""What every client of the data lake promises."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from apps.common.errors import ConversationServiceError, Unavailable

LakeEvent = dict[str, Any]

# How it is called where it does not answer.
LAKE = "The data lake"


class DataLake(Protocol):
    """Where events for analysis go; `max_batch_size` is how many to send with one call."""

    max_batch_size: int

    def send(self, events: Sequence[LakeEvent]) -> None:
        """Deliver all of these events, at least once and in their order; none is no error.

        A repeat carries the same `event_id`, by which the lake can drop it. Raises Unavailable if
        the lake does not answer or refuses for now: then send all of them again. Raises Refused if
        the lake will never take some of them: then all the others are delivered.
        """


class Refused(ConversationServiceError):
    """Events that the lake will never take, however often they are sent.

    `reasons` has a short word for each, by event id. It never quotes what an event carries.
    """

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__(reasons)
        self.reasons = dict(reasons)

    def __str__(self) -> str:
        words = ", ".join(sorted(set(self.reasons.values())))
        return f"The data lake refuses {len(self.reasons)} of the events: {words}"


def lake_is_unavailable(message: str) -> Unavailable:
    """The error for a lake that does not answer or refuses for now."""
    return Unavailable(LAKE, message)
