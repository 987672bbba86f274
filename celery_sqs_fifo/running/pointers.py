"""Which arguments a message may bring to a task."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID


class NotAllowed(Exception):
    """A Celery message that is not one of a declared pointer. The text quotes no argument."""


@dataclass(frozen=True, slots=True)
class PointerForm:
    """The form of a pointer's arguments.

    `description` completes "this pointer takes …". `accepts` is called with the arguments as they
    came, any JSON, and returns whether they have the form. NO_ARGUMENTS and ONE_UUID are ready
    made; an application may declare others.
    """

    description: str
    accepts: Callable[[Sequence[Any]], bool]

    NO_ARGUMENTS: ClassVar["PointerForm"]
    ONE_UUID: ClassVar["PointerForm"]

    def check(self, arguments: Sequence[Any]) -> None:
        """Raise NotAllowed unless the arguments have this form."""
        try:
            is_accepted = self.accepts(arguments)
        except Exception as error:
            raise NotAllowed(f"this pointer takes {self.description}") from error
        if not is_accepted:
            raise NotAllowed(f"this pointer takes {self.description}")


def _is_empty(arguments: Sequence[Any]) -> bool:
    return not arguments


def _is_one_uuid(arguments: Sequence[Any]) -> bool:
    """Return whether they are one UUID in its canonical form. Raise an error for most others."""
    (text,) = arguments
    return bool(str(UUID(text)) == text)


PointerForm.NO_ARGUMENTS = PointerForm("no arguments", _is_empty)
PointerForm.ONE_UUID = PointerForm("one UUID", _is_one_uuid)
