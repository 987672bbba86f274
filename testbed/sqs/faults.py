"""What can go wrong with SQS on demand."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from testbed.server import faults


class FaultKind(StrEnum):
    """What goes wrong.

    DROP closes the connection without an answer, and nothing is done. HANG does so after
    `seconds`. ERROR answers with `status` and `code`, and nothing is done. LOSE_ANSWER does what
    was asked and closes the connection without an answer. FAIL_ENTRIES answers a batch with `code`
    for each entry, and does nothing. DUPLICATE hands out messages that are in flight once more.
    """

    DROP = "drop"
    HANG = "hang"
    ERROR = "error"
    LOSE_ANSWER = "lose_answer"
    FAIL_ENTRIES = "fail_entries"
    DUPLICATE = "duplicate"


@dataclass(slots=True, kw_only=True)
class Fault(faults.Fault):
    """A fault that waits for calls to hit."""

    kind: FaultKind

    def hits(self, *, action: str, has_messages_in_flight: bool) -> bool:
        """Whether it can do its harm to such a call."""
        if not self.is_of(action=action):
            return False
        if self.kind is FaultKind.DUPLICATE:
            return action == "ReceiveMessage" and has_messages_in_flight
        if self.kind is FaultKind.FAIL_ENTRIES:
            return action.endswith("Batch")
        return True


def fault_from_json(fields: Mapping[str, Any], now: float) -> Fault:
    """A fault as the control interface is told of it.

    Raises ValueError, KeyError or TypeError if the fields do not describe a fault.
    """
    waiting = faults.waiting_from_json(fields=fields, now=now)
    return Fault(kind=FaultKind(waiting.pop("kind")), **waiting)
