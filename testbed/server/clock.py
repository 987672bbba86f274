"""The server's clock, which can be moved forward."""

import time


class Clock:
    """Seconds since the epoch. It never goes back, even if the machine's own clock does."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def now(self) -> float:
        """The time, with all that it was moved forward."""
        return time.monotonic() + self._offset

    def advance(self, *, seconds: float) -> None:
        """Moves it forward; raises ValueError for a negative number."""
        if seconds < 0:
            raise ValueError("The clock only goes forward.")
        self._offset += seconds
