"""Growing delays between tries."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays that double from `first` to `longest` seconds."""

    first: float
    longest: float

    def after(self, failures: int) -> float:
        """The delay after so many failures in a row."""
        doublings = min(failures - 1, 30)
        return min(self.first * 2.0**doublings, self.longest)
