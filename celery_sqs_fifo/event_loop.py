"""Changes to kombu's Hub that keep a worker's event loop running after errors."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from time import monotonic, sleep
from typing import Any

from celery_sqs_fifo.errors import error_location
from celery_sqs_fifo.observing import failures

logger = logging.getLogger(__name__)

# By default, a hub runs ten timers and then waits for up to a second. Due timers would pile up.
MAX_TIMERS_A_TURN = 1_000
LOG_EVERY = 60.0
# In seconds. The pause prevents a repeated error from using a whole processor.
PAUSE_AFTER_ERROR = 0.01


class Survival:
    """Keeps a hub running after a callback raises an OSError.

    Celery treats any OSError as a lost broker connection and restarts its consumer. This transport
    has no broker connection. Its OSErrors come from the descriptors of pool processes and from
    failed forks.
    """

    def __init__(self) -> None:
        self.errors: Counter[str] = Counter()
        self._logged_at: dict[str, float] = {}

    def guard(self, hub: Any) -> None:
        """Guard the callbacks of a hub and raise its timer limit. Do nothing on a guarded hub."""
        if isinstance(hub.create_loop, partial):
            return
        hub.fire_timers = partial(hub.fire_timers, max_timers=MAX_TIMERS_A_TURN)
        hub.create_loop = partial(self._turns, hub.create_loop)
        hub._pop_ready = partial(self._call_ready, hub._pop_ready)

    def _turns(self, create_loop: Callable[[], Iterator[None]]) -> Iterator[None]:
        """Run the loop, and a new one after each OSError. Unhandled events become ready again."""
        loop = create_loop()
        while True:
            try:
                next(loop)
            except StopIteration:
                return
            except OSError as error:
                self._note(error)
                sleep(PAUSE_AFTER_ERROR)
                loop = create_loop()
            yield

    def _call_ready(self, pop_ready: Callable[[], Iterable[Any]]) -> Iterable[Any]:
        """Call the ready callbacks here, because the hub drops the rest of them after an error."""
        for callback in pop_ready():
            try:
                callback()
            except OSError as error:
                self._note(error)
        return ()

    def _note(self, error: OSError) -> None:
        place = error_location(error)
        self.errors[place] += 1
        failures["event_loop"] += 1
        now = monotonic()
        if now - self._logged_at.get(place, -LOG_EVERY) >= LOG_EVERY:
            self._logged_at[place] = now
            logger.error(
                "event_loop_error",
                extra={"error": place, "errno": error.errno, "errors": self.errors[place]},
            )
