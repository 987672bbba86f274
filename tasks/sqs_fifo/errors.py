"""Telling of an error without telling what it says."""

import traceback
from pathlib import PurePath

FRAMES = 5


def places_of(error: BaseException) -> str:
    """Where an error happened, innermost last, and its type.

    Its text may quote what people wrote, and this goes into logs and the dead-letter queue.
    """
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    places = [f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    return " > ".join([*places, type(error).__name__])
