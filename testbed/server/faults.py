"""Faults on demand: how long they wait, and which call is hit by which."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Generic, TypeVar


@dataclass(slots=True, kw_only=True)
class Fault:
    """A fault that waits for calls to hit: `count` of them, until a time, of these actions.

    What its kind does, with `status`, `code` and `seconds`, is the server's.
    """

    count: int | None = None
    until: float | None = None
    actions: frozenset[str] = frozenset()
    status: int = HTTPStatus.INTERNAL_SERVER_ERROR.value
    code: str = "InternalError"
    seconds: float = 0.0

    def is_of(self, *, action: str) -> bool:
        """Whether it waits for calls of this action."""
        return not self.actions or action in self.actions

    def is_over(self, *, now: float) -> bool:
        """Whether its calls or its time are used up."""
        return self.count == 0 or (self.until is not None and now >= self.until)


AnyFault = TypeVar("AnyFault", bound=Fault)


class Faults(Generic[AnyFault]):
    """The faults that wait, oldest first. Times are passed in, on any clock that does not jump."""

    def __init__(self) -> None:
        self._waiting: list[AnyFault] = []

    def add(self, fault: AnyFault) -> None:
        self._waiting.append(fault)

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._waiting.clear()

    def take(self, *, now: float, hits: Callable[[AnyFault], bool]) -> AnyFault | None:
        """The first fault that hits a call, if any; it counts as used."""
        self._waiting = [fault for fault in self._waiting if not fault.is_over(now=now)]
        fault = next(filter(hits, self._waiting), None)
        if fault is not None and fault.count is not None:
            fault.count -= 1
        return fault


def waiting_from_json(*, fields: Mapping[str, Any], now: float) -> dict[str, Any]:
    """A fault's fields from those that the control interface is told.

    `duration` is how many seconds it waits for calls.
    """
    given = dict(fields)
    duration = given.pop("duration", None)
    return {
        **given,
        "until": None if duration is None else now + duration,
        "actions": frozenset(given.pop("actions", ())),
    }
