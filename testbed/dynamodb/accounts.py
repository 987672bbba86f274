"""What was called and what it took, by table and action; and which item was written when."""

from collections import defaultdict
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple


@dataclass(slots=True)
class Usage:
    """Of one action on one table. `calls` are all that arrived, `failed` those with an error."""

    calls: int = 0
    failed: int = 0
    write_units: int = 0
    read_units: float = 0.0


class Write(NamedTuple):
    """An item was put: when, in seconds since the epoch, and which."""

    at: float
    partition: str
    sort: str


@dataclass(slots=True)
class Accounts:
    """Since the start or the last reset."""

    usage: dict[str, dict[str, Usage]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(Usage))
    )
    writes: dict[str, list[Write]] = field(default_factory=lambda: defaultdict(list))

    def as_json(self) -> dict[str, Any]:
        """The usage by table and action."""
        return {
            table: {action: asdict(usage) for action, usage in actions.items()}
            for table, actions in self.usage.items()
        }

    def reset(self) -> None:
        """Forgets all of it."""
        self.usage.clear()
        self.writes.clear()
