"""Faults that tests request: their kind, their duration, and the calls that they hit."""

import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Any


class FaultKind(StrEnum):
    """The kind of a fault.

    DROP closes the connection without an answer; the call has no effect. HANG does so after
    `seconds`. ERROR answers with `status` and `code`; the call has no effect. LOSE_ANSWER performs
    the call, and closes the connection without an answer. DELAY performs it, and answers after
    `seconds`. FAIL_ENTRIES answers a batch with `code` for each entry, without effect. UNPROCESSED
    returns `share` of the requests of a batch unprocessed. DUPLICATE delivers messages that are in
    flight again.
    """

    DROP = "drop"
    HANG = "hang"
    ERROR = "error"
    LOSE_ANSWER = "lose_answer"
    DELAY = "delay"
    FAIL_ENTRIES = "fail_entries"
    UNPROCESSED = "unprocessed"
    DUPLICATE = "duplicate"


@dataclass(slots=True, kw_only=True)
class Fault:
    """A fault that waits for calls.

    It hits the next `count` calls, or all calls until the time `until`, or all until it is cleared.
    With `actions`, only calls of these actions count. It hits only the fraction `share` of them,
    chosen with a fixed seed.
    """

    kind: FaultKind
    count: int | None = None
    until: float | None = None
    actions: frozenset[str] = frozenset()
    status: int = HTTPStatus.INTERNAL_SERVER_ERROR.value
    code: str = "InternalError"
    seconds: float = 0.0
    share: float = 1.0
    chance: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311 (a fault)

    def hits(self, *, action: str, has_messages_in_flight: bool = False) -> bool:
        """Whether the fault hits a call of this action."""
        if self.actions and action not in self.actions:
            return False
        match self.kind:
            case FaultKind.DUPLICATE:
                return action == "ReceiveMessage" and has_messages_in_flight
            case FaultKind.FAIL_ENTRIES:
                return action.endswith("Batch")
            case FaultKind.UNPROCESSED:
                return action == "BatchWriteItem"
        return self.chance.random() < self.share

    def leaves_out(self) -> bool:
        """Whether the next request of a batch is left unprocessed."""
        return self.kind is FaultKind.UNPROCESSED and self.chance.random() < self.share

    def is_over(self, *, now: float) -> bool:
        """Whether the fault has hit all its calls, or its time is up."""
        return self.count == 0 or (self.until is not None and now >= self.until)


class Faults:
    """The faults of a server, oldest first. Times are from a clock that never jumps."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Add a fault, which applies after those that were added before."""
        self._waiting.append(fault)

    def clear(self) -> None:
        """Remove all faults."""
        self._waiting.clear()

    def take(self, *, now: float, hits: Callable[[Fault], bool]) -> Fault | None:
        """Return the first fault that hits a call, and count the hit. Return None if none does."""
        self._waiting = [fault for fault in self._waiting if not fault.is_over(now=now)]
        fault = next(filter(hits, self._waiting), None)
        if fault is not None and fault.count is not None:
            fault.count -= 1
        return fault


def fault_from_json(
    fields: Mapping[str, Any], *, kinds: Collection[FaultKind], now: float
) -> Fault:
    """Return a fault of one of these kinds from the fields of a request.

    `duration` is the number of seconds during which it hits calls. Raises ValueError, KeyError or
    TypeError if the fields do not describe such a fault.
    """
    given = dict(fields)
    kind = FaultKind(given.pop("kind"))
    if kind not in kinds:
        raise ValueError(f"this server has no fault {kind!r}")
    duration = given.pop("duration", None)
    fault = Fault(
        kind=kind,
        until=None if duration is None else now + duration,
        actions=frozenset(given.pop("actions", ())),
        **given,
    )
    if not 0 < fault.share <= 1:
        raise ValueError("share must be over 0 and at most 1")
    return fault
