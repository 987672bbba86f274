"""Descriptions of errors that are safe to log: they never include an error's message."""

import traceback
from pathlib import PurePath

from billiard.einfo import ExceptionWithTraceback

MAX_FRAMES = 5


class ErrorLocation(str):
    """The location of an unexpected error, as `error_location` returns it.

    A log handler can recognize a line about an unexpected error by a field of this type.
    """

    __slots__ = ()


def unwrapped(error: BaseException) -> BaseException:
    """Return the original error if billiard has wrapped it to send it between processes."""
    return error.exc if isinstance(error, ExceptionWithTraceback) else error


def error_location(error: BaseException) -> ErrorLocation:
    """Return the last frames of an error's traceback, followed by the error's type.

    The location is written to logs and to the dead-letter queue. It does not contain the error's
    message, which may quote what people wrote.
    """
    error = unwrapped(error)
    frames = traceback.extract_tb(error.__traceback__)[-MAX_FRAMES:]
    places = [f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    return ErrorLocation(" > ".join([*places, type(error).__name__]))
