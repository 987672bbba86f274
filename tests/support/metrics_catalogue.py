"""All metrics of a worker, read from the code."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from celery_sqs_fifo.metrics import ConsumerGauges, DroppedEvents, MainProcessErrors
from celery_sqs_fifo.metrics import Metrics as TransportMetrics
from observability.metrics.counters import Metrics as ServiceMetrics
from observability.metrics.state import StateCollector


@dataclass(frozen=True)
class Described:
    """A metric. `name` is its name in queries, without the suffix of a histogram's series."""

    name: str
    type: str
    labels: tuple[str, ...]
    meaning: str

    @property
    def series(self) -> set[str]:
        """The names of the metric's time series."""
        if self.type == "histogram":
            return {f"{self.name}{suffix}" for suffix in ("_bucket", "_count", "_sum")}
        return {self.name}


def catalogue() -> list[Described]:
    """Return every metric, in the order of the code."""
    return [
        Described(
            name=f"{metric.name}_total" if metric.type == "counter" else metric.name,
            type=metric.type,
            labels=tuple(labels),
            meaning=metric.documentation,
        )
        for metric, labels in _described()
    ]


def series() -> set[str]:
    """Return the names of all time series."""
    return {name for described in catalogue() for name in described.series}


def _described() -> Iterator[tuple[Any, tuple[str, ...]]]:
    # A metric without time series has its labels only in private attributes.
    collectors: list[Any] = [
        *TransportMetrics().registry._collector_to_names,
        ConsumerGauges(),
        DroppedEvents(lambda: 0),
        MainProcessErrors(),
        *ServiceMetrics().registry._collector_to_names,
        StateCollector(),
    ]
    for collector in collectors:
        metrics: list[Any] = list(collector.describe())
        for metric in metrics:
            owner = collector if hasattr(collector, "_labelnames") else metric
            yield metric, owner._labelnames
