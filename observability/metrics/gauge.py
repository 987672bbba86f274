"""What a source of gauges gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field

# The values of each gauge, by its name and then by the values of its labels.
Reading = Mapping[str, Mapping[tuple[str, ...], float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """A gauge that is read when Prometheus asks."""

    name: str
    meaning: str
    labels: tuple[str, ...] = field(default=())
