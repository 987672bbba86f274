"""What can go wrong with DynamoDB on demand."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from testbed.server import faults


class FaultKind(StrEnum):
    """What goes wrong.

    DROP closes the connection without an answer, and nothing is done. HANG does so after
    `seconds`. ERROR answers with `status` and `code`, and nothing is done. LOSE_ANSWER does what
    was asked and closes the connection without an answer. DELAY does it, and answers after
    `seconds`. UNPROCESSED gives `share` of a batch's requests back without doing them.
    """

    DROP = "drop"
    HANG = "hang"
    ERROR = "error"
    LOSE_ANSWER = "lose_answer"
    DELAY = "delay"
    UNPROCESSED = "unprocessed"


@dataclass(slots=True, kw_only=True)
class Fault(faults.Fault):
    """A fault that waits for calls to hit: `share` of them, chosen at random with a fixed seed."""

    kind: FaultKind
    share: float = 1.0
    chance: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311 (a fault)

    def hits(self, *, action: str) -> bool:
        """Whether it does its harm to such a call."""
        if not self.is_of(action=action):
            return False
        if self.kind is FaultKind.UNPROCESSED:
            return action == "BatchWriteItem"
        return self.chance.random() < self.share

    def leaves_out(self) -> bool:
        """Whether the next request of a batch is one that is given back."""
        return self.kind is FaultKind.UNPROCESSED and self.chance.random() < self.share


def fault_from_json(fields: Mapping[str, Any], now: float) -> Fault:
    """A fault as the control interface is told of it.

    Raises ValueError, KeyError or TypeError if the fields do not describe a fault.
    """
    waiting = faults.waiting_from_json(fields=fields, now=now)
    fault = Fault(kind=FaultKind(waiting.pop("kind")), **waiting)
    if not 0 < fault.share <= 1:
        raise ValueError("share must be over 0 and at most 1")
    return fault
