"""The arguments with which a message may run a task."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID


class NotAllowed(Exception):
    """A Celery message is not a declared pointer. The exception's text quotes no argument."""


class UnknownPointer(NotAllowed):
    """This release has no such task, but a newer one may: its package has declared pointers."""


@dataclass(frozen=True, slots=True)
class PointerForm:
    """The form of a pointer's arguments.

    `description` completes the sentence "this pointer takes …". `accepts` is called with the list
    of arguments, which may be any JSON values, and returns whether they have the form. An
    application may declare forms of its own, besides NO_ARGUMENTS and ONE_UUID.
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
    """Return whether the arguments are one UUID in canonical form.

    Raise ValueError, TypeError or AttributeError for most other arguments.
    """
    (text,) = arguments
    return bool(str(UUID(text)) == text)


PointerForm.NO_ARGUMENTS = PointerForm("no arguments", _is_empty)
PointerForm.ONE_UUID = PointerForm("one UUID", _is_one_uuid)
