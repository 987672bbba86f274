"""Keep errors in metrics, logs, traces and the liveness file from affecting the worker."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

from celery_sqs_fifo.errors import error_location

logger = logging.getLogger(__name__)

# The number of errors in this process, by the argument of `observing`.
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
    """A prometheus-client metric whose errors are counted and logged, but never raised.

    If the metric cannot be created at once, each later use tries again, because its file may have
    become writable.
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
