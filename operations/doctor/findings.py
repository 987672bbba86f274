"""The findings of the doctor's checks."""

from dataclasses import dataclass
from enum import StrEnum

from django.utils.formats import number_format
from django.utils.translation import ngettext


class Status(StrEnum):
    """The status of a finding. SKIPPED: the state is unknown, and `found` says why."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The finding of one check.

    `check` is its stable name, `found` a sentence, and `remedy` the command or setting that helps.
    """

    check: str
    status: Status
    found: str
    remedy: str = ""


def counted(number: float, singular: str, plural: str) -> str:
    """Return a number with its words, such as "1 event waits" or "2 events wait".

    The words are translated as those of ngettext are (`make messages`), without the number.
    """
    whole = round(number)
    return f"{number_format(whole, force_grouping=True)} {ngettext(singular, plural, whole)}"


def ok(check: str, found: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(check=check, status=Status.OK, found=found)


def warning(check: str, found: str, remedy: str) -> Finding:
    """Return a finding that the service works with a drawback, or that something cannot be read."""
    return Finding(check=check, status=Status.WARNING, found=found, remedy=remedy)


def error(check: str, found: str, remedy: str) -> Finding:
    """Return a finding that the service does not work, or may lose data."""
    return Finding(check=check, status=Status.ERROR, found=found, remedy=remedy)


def skipped(check: str, found: str) -> Finding:
    """Return a finding that something could not be checked, or does not apply."""
    return Finding(check=check, status=Status.SKIPPED, found=found)
