"""What a run is made from."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`rate` is in events per second; `logs` is the folder in which logs are kept, if they are."""

    seed: int
    seconds: float
    rate: float
    most_drain_seconds: float = 600.0
    logs: Path | None = None
