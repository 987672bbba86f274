"""Descriptions of errors that are safe to log: they never include an error's message."""

import sysconfig
import traceback
from pathlib import PurePath

from billiard.einfo import ExceptionWithTraceback

MAX_FRAMES = 5
# The folders of Python's own modules and of installed packages.
_INSTALLED = tuple(
    sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")
)


class ErrorLocation(str):
    """The location of an unexpected error, as `error_location` returns it.

    A log handler can recognize a line about an unexpected error by a field of this type.
    """

    __slots__ = ()


def unwrapped(error: BaseException) -> BaseException:
    """Return the original error if billiard has wrapped it to send it between processes."""
    return error.exc if isinstance(error, ExceptionWithTraceback) else error


def error_location(error: BaseException) -> ErrorLocation:
    """Return the application's last frames in an error's traceback, followed by the error's type.

    Frames of installed packages are left out, because they are the same for many errors: every
    error of a database is raised at one place in Django. If there are no others, they are kept.

    The location is written to logs and to the dead-letter queue. It does not contain the error's
    message, which may quote what people wrote.
    """
    error = unwrapped(error)
    frames = list(traceback.extract_tb(error.__traceback__))
    own = [frame for frame in frames if not frame.filename.startswith(_INSTALLED)] or frames
    places = [
        f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}"
        for frame in own[-MAX_FRAMES:]
    ]
    return ErrorLocation(" > ".join([*places, type(error).__name__]))
