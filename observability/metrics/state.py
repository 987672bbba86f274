"""Gauges that are read from SQS and PostgreSQL when Prometheus scrapes the worker."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from observability.background_reading import BackgroundReader
from observability.metrics.definitions import (
    POSTGRESQL_GAUGES,
    QUEUE_GAUGES,
    STATE_ERRORS,
    Gauge,
    Reading,
)
from observability.metrics.postgresql import read_postgresql
from observability.metrics.queues import read_queues

logger = logging.getLogger(__name__)

# Seconds. A younger reading is used again, so that several Prometheus servers share it.
MAX_READING_AGE = 15.0
# Seconds that a scrape waits for a reading. A reading that takes longer is used by the next scrape.
SCRAPE_TIMEOUT = 4.0


@dataclass(frozen=True, kw_only=True)
class Source:
    """A dependency, its gauges, and the function that reads them, which may raise any error."""

    name: str
    gauges: Sequence[Gauge]
    read: Callable[[], Reading]


SOURCES = (
    Source(name="sqs", gauges=QUEUE_GAUGES, read=read_queues),
    Source(name="postgresql", gauges=POSTGRESQL_GAUGES, read=read_postgresql),
)


class StateCollector(Collector):
    """Exports the gauges of all sources. Each source has a thread that reads it.

    If a source fails or takes too long, its gauges are absent from the scrape and the failure is
    counted. The other gauges are not affected.
    """

    def __init__(self, sources: Sequence[Source] = SOURCES) -> None:
        self._readers = {source.name: _CountingReader(source) for source in sources}
        self._sources = sources

    def describe(self) -> Iterable[Metric]:
        """Return all gauges, without series."""
        return self._metrics({})

    def collect(self) -> Iterator[Metric]:
        """Yield all gauges. Those of a source that cannot be read have no series."""
        for reader in self._readers.values():
            reader.refresh()
        deadline = monotonic() + SCRAPE_TIMEOUT
        yield from self._metrics(
            {name: reader.reading(deadline=deadline) for name, reader in self._readers.items()}
        )

    def _metrics(self, readings: Mapping[str, Reading]) -> Iterator[Metric]:
        for source in self._sources:
            reading = readings.get(source.name, {})
            for gauge in source.gauges:
                family = GaugeMetricFamily(gauge.name, gauge.meaning, labels=gauge.labels)
                for labels, value in reading.get(gauge.name, {}).items():
                    family.add_metric(labels, value)
                yield family
        errors = CounterMetricFamily(
            STATE_ERRORS.name, STATE_ERRORS.meaning, labels=STATE_ERRORS.labels
        )
        for name, reader in self._readers.items():
            errors.add_metric([name], reader.errors)
        yield errors


class _CountingReader:
    """Reads one source in a thread, and counts the readings that fail or take too long."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._reader = BackgroundReader(name=f"metrics-{source.name}", read=self._read)
        self._lock = threading.Lock()
        self.errors = 0

    def refresh(self) -> None:
        """Start to read, unless a reading is in progress or the latest one is fresh."""
        self._reader.refresh(max_age=MAX_READING_AGE)

    def reading(self, *, deadline: float) -> Reading:
        """Return the latest reading, or an empty one if it is not there by the deadline."""
        reading = self._reader.answer(deadline=deadline)
        if reading is None:
            self._count()
            return {}
        return reading

    def _read(self) -> Reading:
        try:
            return self._source.read()
        except Exception as error:
            # Catch any error, because the scrape must not fail.
            logger.warning(
                "metrics_not_read",
                extra={"source": self._source.name, "error": type(error).__name__},
            )
            self._count()
            return {}

    def _count(self) -> None:
        with self._lock:
            self.errors += 1
