"""The options of a run."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of a run. `rate` is in events per second; `logs` is a folder to keep the logs."""

    seed: int
    seconds: float
    rate: float
    max_drain_seconds: float = 600.0
    logs: Path | None = None
