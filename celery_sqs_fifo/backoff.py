"""Growing delays between attempts."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays in seconds that double from `first` up to `longest`."""

    first: float
    longest: float

    def after(self, failures: int) -> float:
        """Return the delay in seconds after this number of failures in a row, at least one."""
        doublings = min(failures - 1, 30)
        return min(self.first * 2.0**doublings, self.longest)
