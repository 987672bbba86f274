"""What stands in the queues and in PostgreSQL, read when Prometheus asks and no more often."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

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

# A reading is used for as long; two Prometheus servers do not make a dependency work twice.
FRESH_FOR = 15.0
# How long a scrape waits for a reading. What comes later is for the next scrape.
PATIENCE = 4.0


@dataclass(frozen=True, kw_only=True)
class Source:
    """A dependency, the gauges that are read of it, and how. `read` may raise anything."""

    name: str
    gauges: Sequence[Gauge]
    read: Callable[[], Reading]


SOURCES = (
    Source(name="sqs", gauges=QUEUE_GAUGES, read=read_queues),
    Source(name="postgresql", gauges=POSTGRESQL_GAUGES, read=read_postgresql),
)


class StateCollector(Collector):
    """The gauges of all sources. Each is read in a thread of its own, and one at a time.

    A source that fails, or takes too long, is absent from the scrape and counted; the rest of the
    scrape is as it would be.
    """

    def __init__(self, sources: Sequence[Source] = SOURCES) -> None:
        self._readers = {source.name: _Reader(source) for source in sources}
        self._sources = sources

    def describe(self) -> Iterable[Metric]:
        """All gauges, without series."""
        return self._metrics({})

    def collect(self) -> Iterator[Metric]:
        """All gauges whose sources could be read within the last seconds, or could now."""
        for reader in self._readers.values():
            reader.refresh()
        give_up_at = monotonic() + PATIENCE
        yield from self._metrics(
            {name: reader.reading(give_up_at=give_up_at) for name, reader in self._readers.items()}
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


class _Reader:
    """Reads one source in a thread of its own, if nobody does so yet, and keeps what it has read.

    The thread is a daemon: a dependency that hangs does not keep the worker from ending.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._is_reading = False
        self._reading: Reading = {}
        self._read_at: float | None = None
        self.errors = 0

    def refresh(self) -> None:
        """Begin to read, unless that is going on or was done just now."""
        with self._lock:
            is_fresh = self._read_at is not None and monotonic() - self._read_at < FRESH_FOR
            if self._is_reading or is_fresh:
                return
            self._is_reading = True
            self._done.clear()
        threading.Thread(
            target=self._read, name=f"metrics-{self._source.name}", daemon=True
        ).start()

    def reading(self, *, give_up_at: float) -> Reading:
        """What was read, once it is, or nothing if it takes longer than that."""
        if not self._done.wait(max(0.0, give_up_at - monotonic())):
            with self._lock:
                self.errors += 1
            return {}
        return self._reading

    def _read(self) -> None:
        reading: Reading = {}
        try:
            reading = self._source.read()
        except Exception as error:
            # Whatever it is, the scrape must not fail for it.
            logger.warning(
                "metrics_not_read",
                extra={"source": self._source.name, "error": type(error).__name__},
            )
            with self._lock:
                self.errors += 1
        finally:
            with self._lock:
                self._reading = reading
                self._read_at = monotonic()
                self._is_reading = False
            self._done.set()
