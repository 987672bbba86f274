"""All metrics that a worker has, as they are in the code."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from celery_sqs_fifo.metrics import ConsumerGauges, DroppedEvents
from celery_sqs_fifo.metrics import Metrics as TransportMetrics
from observability.metrics.counters import Metrics as ServiceMetrics
from observability.metrics.state import StateCollector


@dataclass(frozen=True)
class Described:
    """A metric, by the name that a query has for it (histograms: without the suffix)."""

    name: str
    type: str
    labels: tuple[str, ...]
    meaning: str

    @property
    def series(self) -> set[str]:
        """What a query can name."""
        if self.type == "histogram":
            return {f"{self.name}{suffix}" for suffix in ("_bucket", "_count", "_sum")}
        return {self.name}


def catalogue() -> list[Described]:
    """Every metric, in the order of the code."""
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
    """All that a query can name."""
    return {name for described in catalogue() for name in described.series}


def _described() -> Iterator[tuple[Any, tuple[str, ...]]]:
    # The labels of a metric without a series are told by private attributes only.
    collectors: list[Any] = [
        *TransportMetrics().registry._collector_to_names,
        ConsumerGauges(),
        DroppedEvents(lambda: 0),
        *ServiceMetrics().registry._collector_to_names,
        StateCollector(),
    ]
    for collector in collectors:
        metrics: list[Any] = list(collector.describe())
        for metric in metrics:
            owner = collector if hasattr(collector, "_labelnames") else metric
            yield metric, owner._labelnames
