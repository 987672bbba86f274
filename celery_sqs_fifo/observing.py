"""Observation by metrics, logs, traces and the liveness file, without an effect of its errors."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

from celery_sqs_fifo.errors import error_location

logger = logging.getLogger(__name__)

# The number of errors in this process, by what was observed.
failures: Counter[str] = Counter()


@contextmanager
def observing(what: str) -> Iterator[None]:
    """Count the errors of the block and log the first one, instead of raising them."""
    try:
        yield
    except Exception as error:
        failures[what] += 1
        if failures[what] == 1:
            logger.error(
                "observation_failed", extra={"observes": what, "error": error_location(error)}
            )


class ObservingMetric:
    """A metric of prometheus-client whose errors are counted and logged, and never raised.

    It is created at once or, if that fails, when it is next used, because its file may be writable
    again by then.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._metric: Any = None
        with observing("metrics"):
            self._made()

    def labels(self, *values: object) -> Self:
        """Return the series with these values."""
        return type(self)(lambda: self._made().labels(*values))

    def inc(self, amount: float = 1) -> None:
        """Add to a counter."""
        with observing("metrics"):
            self._made().inc(amount)

    def observe(self, value: float) -> None:
        """Add a value to a histogram."""
        with observing("metrics"):
            self._made().observe(value)

    def _made(self) -> Any:
        if self._metric is None:
            self._metric = self._make()
        return self._metric
