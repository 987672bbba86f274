"""What a check of a dependency found."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """`skipped`: it is not known, and `found` says why; that is neither good nor bad."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One checked thing: `check` is its stable name, `remedy` the command or setting to mend it."""

    check: str
    status: Status
    found: str
    remedy: str = ""


def ok(check: str, found: str) -> Finding:
    """It is as it should be."""
    return Finding(check=check, status=Status.OK, found=found)


def warning(check: str, found: str, remedy: str) -> Finding:
    """The service works, but not as it was meant to, or something cannot be seen."""
    return Finding(check=check, status=Status.WARNING, found=found, remedy=remedy)


def error(check: str, found: str, remedy: str) -> Finding:
    """The service does not work, or may lose something."""
    return Finding(check=check, status=Status.ERROR, found=found, remedy=remedy)


def skipped(check: str, found: str) -> Finding:
    """It could not be looked at, or there is nothing to look at."""
    return Finding(check=check, status=Status.SKIPPED, found=found)
