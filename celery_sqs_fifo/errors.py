"""Telling of an error without telling what it says."""

import traceback
from pathlib import PurePath

from billiard.einfo import ExceptionWithTraceback

FRAMES = 5


class ErrorLocation(str):
    """What a log line says of an error that nobody expected, and nothing else in a log does."""

    __slots__ = ()


def unwrapped(error: BaseException) -> BaseException:
    """The error itself, where billiard has wrapped it for its way between processes."""
    return error.exc if isinstance(error, ExceptionWithTraceback) else error


def error_location(error: BaseException) -> ErrorLocation:
    """Where an error happened, innermost last, and its type.

    Its text may quote what people wrote, and this goes into logs and the dead-letter queue.
    """
    error = unwrapped(error)
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    places = [f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    return ErrorLocation(" > ".join([*places, type(error).__name__]))
