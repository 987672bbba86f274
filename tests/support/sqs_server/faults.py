"""Faults on demand: which call is hit by which."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any


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
class Fault:
    """A fault that waits for calls to hit: `count` of them, until a time, of these actions."""

    kind: FaultKind
    count: int | None = None
    until: float | None = None
    actions: frozenset[str] = frozenset()
    status: int = HTTPStatus.INTERNAL_SERVER_ERROR.value
    code: str = "InternalError"
    seconds: float = 0.0

    def hits(self, *, action: str, has_messages_in_flight: bool) -> bool:
        """Whether it can do its harm to such a call."""
        if self.actions and action not in self.actions:
            return False
        if self.kind is FaultKind.DUPLICATE:
            return action == "ReceiveMessage" and has_messages_in_flight
        if self.kind is FaultKind.FAIL_ENTRIES:
            return action.endswith("Batch")
        return True

    def is_over(self, *, now: float) -> bool:
        """Whether its calls or its time are used up."""
        return self.count == 0 or (self.until is not None and now >= self.until)


class Faults:
    """The faults that wait, oldest first. Times are passed in, on any clock that does not jump."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._waiting.append(fault)

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._waiting.clear()

    def take(self, *, action: str, has_messages_in_flight: bool, now: float) -> Fault | None:
        """The fault that hits this call, if any; it counts as used."""
        self._waiting = [fault for fault in self._waiting if not fault.is_over(now=now)]
        for fault in self._waiting:
            if fault.hits(action=action, has_messages_in_flight=has_messages_in_flight):
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
    return Fault(
        kind=FaultKind(given.pop("kind")),
        until=None if duration is None else now + duration,
        actions=frozenset(given.pop("actions", ())),
        **given,
    )
