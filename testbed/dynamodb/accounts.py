"""Counts calls and capacity units by table and action, and logs the writes of items."""

from collections import defaultdict
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple


@dataclass(slots=True)
class Usage:
    """The usage of an action on a table. `calls` counts all calls, `failed` those with an error."""

    calls: int = 0
    failed: int = 0
    write_units: int = 0
    read_units: float = 0.0


class Write(NamedTuple):
    """The write of an item: its time, in seconds since the epoch, and the keys of the item.

    `beginning` has the first characters of the item's entry, decompressed, if it has one.
    """

    at: float
    partition: str
    sort: str
    beginning: str = ""


@dataclass(slots=True)
class Accounts:
    """The usage and the writes since the start or the last reset."""

    usage: dict[str, dict[str, Usage]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(Usage))
    )
    writes: dict[str, list[Write]] = field(default_factory=lambda: defaultdict(list))

    def as_json(self) -> dict[str, Any]:
        """Return the usage by table and action."""
        return {
            table: {action: asdict(usage) for action, usage in actions.items()}
            for table, actions in self.usage.items()
        }

    def reset(self) -> None:
        """Remove all usage and writes."""
        self.usage.clear()
        self.writes.clear()
