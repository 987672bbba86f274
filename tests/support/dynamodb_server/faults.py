"""Faults on demand: which call is hit by which."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Any


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
class Fault:
    """A fault that waits for calls to hit: `count` of them, until a time, of these actions.

    `share` of the calls are hit, chosen at random with a fixed seed.
    """

    kind: FaultKind
    count: int | None = None
    until: float | None = None
    actions: frozenset[str] = frozenset()
    share: float = 1.0
    status: int = HTTPStatus.INTERNAL_SERVER_ERROR.value
    code: str = "InternalServerError"
    seconds: float = 0.0
    chance: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311 (a fault)

    def hits(self, *, action: str) -> bool:
        """Whether it does its harm to such a call."""
        if self.actions and action not in self.actions:
            return False
        if self.kind is FaultKind.UNPROCESSED:
            return action == "BatchWriteItem"
        return self.chance.random() < self.share

    def is_over(self, *, now: float) -> bool:
        """Whether its calls or its time are used up."""
        return self.count == 0 or (self.until is not None and now >= self.until)

    def leaves_out(self) -> bool:
        """Whether the next request of a batch is one that is given back."""
        return self.kind is FaultKind.UNPROCESSED and self.chance.random() < self.share


class Faults:
    """The faults that wait, oldest first. Times are passed in, on a clock that does not jump."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._waiting.append(fault)

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._waiting.clear()

    def take(self, *, action: str, now: float) -> Fault | None:
        """The fault that hits this call, if any; it counts as used."""
        self._waiting = [fault for fault in self._waiting if not fault.is_over(now=now)]
        for fault in self._waiting:
            if fault.hits(action=action):
                if fault.count is not None:
                    fault.count -= 1
                return fault
        return None


def fault_from_json(*, fields: Mapping[str, Any], now: float) -> Fault:
    """A fault as the control interface is told of it.

    `duration` is how many seconds it waits for calls. Raises ValueError, KeyError or TypeError if
    the fields do not describe a fault.
    """
    given = dict(fields)
    duration = given.pop("duration", None)
    fault = Fault(
        kind=FaultKind(given.pop("kind")),
        until=None if duration is None else now + duration,
        actions=frozenset(given.pop("actions", ())),
        **given,
    )
    if not 0 < fault.share <= 1:
        raise ValueError("share must be over 0 and at most 1")
    return fault
