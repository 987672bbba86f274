"""What the commands of the benchmark have in common: their settings, and how they end."""

import os
from collections.abc import Callable

from rich.console import Console

from embedded.processes import ProcessError, sigterm_as_exit

_INTERRUPTED = 130


class BenchError(RuntimeError):
    """Why nothing could be measured, in a sentence."""


class BadSetting(BenchError):
    """A variable of the environment that cannot be used, and what to set instead."""


def count_setting(*, name: str, default: int, multiple_of: int = 1) -> int:
    """A number of the environment, or the default. Raises BadSetting."""
    text = os.environ.get(name, "") or str(default)
    if not (text.isascii() and text.isdigit() and int(text) and int(text) % multiple_of == 0):
        raise BadSetting(
            f"{name} must be a number from {multiple_of} on, in steps of {multiple_of}."
        )
    return int(text)


def exit_status(work: Callable[[Console], None]) -> int:
    """0 when the work is done, 1 with a sentence if it failed; 130 and 143 if stopped."""
    errors = Console(stderr=True)
    try:
        with sigterm_as_exit():
            work(Console())
    except (ProcessError, BenchError) as error:
        errors.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        errors.print("Interrupted. Everything is stopped.")
        return _INTERRUPTED
    return 0
