"""Figures as text. The console rounds figures only here."""

from datetime import timedelta

NO_DATA = "no data"
# The minus sign is as wide as a plus; the hyphen is not.
_MINUS = "\N{MINUS SIGN}"


def count(number: int, thing: str) -> str:
    """Return a count, as in 1 answer or 1,204 answers."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def percent(value: float | None) -> str:
    """Return a percentage, as in 81.3%."""
    return NO_DATA if value is None else f"{value:.1f}%"


def mean(value: float | None) -> str:
    """Return a mean, as in 4.21."""
    return NO_DATA if value is None else f"{value:.2f}"


def signed(value: float | None) -> str:
    """Return a number with its sign, as in +12.5."""
    if value is None:
        return NO_DATA
    return f"{value:+.1f}".replace("-", _MINUS) if round(value, 1) else "0.0"


def number(value: float | None) -> str:
    """Return a number, as in 4.5."""
    return NO_DATA if value is None else f"{value:,.1f}".removesuffix(".0")


def duration(value: timedelta | None) -> str:
    """Return a duration in its two largest units, as in 2 h 5 min."""
    if value is None:
        return NO_DATA
    seconds = round(value.total_seconds())
    units = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
    parts = [
        f"{seconds % larger // size} {unit}"
        for (size, unit), larger in zip(units, (seconds + 1, 86_400, 3_600, 60), strict=True)
        if seconds >= size
    ]
    return " ".join(part for part in parts[:2] if not part.startswith("0 ")) or "0 s"
