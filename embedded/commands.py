"""What the commands share: numbers from the environment, error messages and exit statuses."""

import os
from collections.abc import Callable

from rich.console import Console

from embedded.processes import ProcessError, sigterm_as_exit

_INTERRUPTED = 130


class CommandError(RuntimeError):
    """Why a command cannot do its work, in a sentence for the person who started it."""


def number_setting(
    name: str,
    *,
    default: int,
    minimum: int = 0,
    maximum: int | None = None,
    multiple_of: int = 1,
) -> int:
    """Return a whole number from an environment variable, or the default.

    Raises CommandError with the numbers that are possible.
    """
    text = os.environ.get(name, "") or str(default)
    number = int(text) if text.isascii() and text.isdigit() else -1
    is_in_range = minimum <= number and (maximum is None or number <= maximum)
    if not is_in_range or number % multiple_of:
        upper = f" to {maximum}" if maximum is not None else ""
        steps = f", in steps of {multiple_of}" if multiple_of > 1 else ""
        raise CommandError(f"{name} must be a whole number from {minimum}{upper}{steps}.")
    return number


def print_error(text: str) -> None:
    """Print text in red to stderr, without line breaks or markup of its own."""
    Console(stderr=True).print(text, style="red", markup=False, highlight=False, soft_wrap=True)


def exit_status(work: Callable[[Console], int]) -> int:
    """Return what `work` returns, 1 if it raises ProcessError or CommandError, 130 after Ctrl-C.

    SIGTERM ends the program with status 143, after all `with` blocks were left.
    """
    try:
        with sigterm_as_exit():
            return work(Console())
    except (ProcessError, CommandError) as error:
        print_error(str(error))
        return 1
    except KeyboardInterrupt:
        print_error("Interrupted. Everything is stopped.")
        return _INTERRUPTED
    except SystemExit:
        print_error("Terminated. Everything is stopped.")
        raise
