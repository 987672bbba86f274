"""The log of all calls to the model of SQS."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class LoggedEntry(NamedTuple):
    """The result of a call for one message.

    `result` is `sent`, `duplicate`, `received`, `received again`, `deleted`, `already deleted`,
    `changed` or an error code. The other fields are None if the message was not found.
    """

    message_id: str | None
    group_id: str | None
    sequence: int | None
    result: str


class LoggedCall(NamedTuple):
    """A call, logged at its end.

    `time` is its start by the server's clock, in seconds since the epoch, and `seconds` its length.
    `result` is `ok` or an error code, `fault` the kind of the fault that hit it.
    """

    time: float
    seconds: float
    action: str
    queue: str | None
    result: str
    fault: str | None
    entries: Sequence[LoggedEntry]


class CallLog:
    """The calls since the start or the last reset, in the order in which they took effect."""

    def __init__(self) -> None:
        self._calls: list[LoggedCall] = []
        self._counts: Counter[str] = Counter()

    def add(self, call: LoggedCall) -> None:
        """Log and count a call."""
        self._calls.append(call)
        self._counts[call.action] += 1

    def reset(self) -> None:
        """Remove all calls."""
        self._calls.clear()
        self._counts.clear()

    def counts(self) -> dict[str, int]:
        """Return the number of calls by action."""
        return dict(self._counts)

    def as_json(self, *, action: str | None) -> list[dict[str, Any]]:
        """Return the calls of one action or of all. Each entry is a list of its four fields."""
        return [call._asdict() for call in self._calls if action in (None, call.action)]


def call_from_json(fields: Mapping[str, Any]) -> LoggedCall:
    """Return a call from its form in `CallLog.as_json`."""
    entries = [LoggedEntry(*entry) for entry in fields["entries"]]
    return LoggedCall(**{**fields, "entries": entries})
