"""The server's clock, which can be advanced."""

import time


class Clock:
    """A clock that never goes back, even if the machine's clock does."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def now(self) -> float:
        """Return the time in seconds since the epoch, with all advances."""
        return time.monotonic() + self._offset

    def advance(self, *, seconds: float) -> None:
        """Advance the clock. Raises ValueError if `seconds` is negative."""
        if seconds < 0:
            raise ValueError("The clock only goes forward.")
        self._offset += seconds
