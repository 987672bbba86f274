"""Functions of all commands: numbers from the environment, programs, messages, exit statuses."""

import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from embedded.processes import ProcessError, sigterm_as_exit

_INTERRUPTED = 130


class CommandError(RuntimeError):
    """A command cannot do its work. The message is a sentence for the person who started it."""


def number_setting(
    name: str,
    *,
    default: int,
    minimum: int = 0,
    maximum: int | None = None,
    multiple_of: int = 1,
) -> int:
    """Return a whole number from an environment variable, or the default.

    Raises CommandError, which names the allowed range, for any other value.
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
    """Print text in red to stderr. It is not wrapped, and markup in it is not interpreted."""
    Console(stderr=True).print(text, style="red", markup=False, highlight=False, soft_wrap=True)


def print_with_time(text: str, *, console: Console) -> None:
    """Print a text with the time in UTC in front of it, and its other lines below the first one.

    It is not wrapped, and markup in it is not interpreted.
    """
    at = datetime.now(UTC).strftime("%H:%M:%S")
    indented = text.replace("\n", f"\n{' ' * len(at)} ")
    console.print(f"{at} {indented}", markup=False, highlight=False, soft_wrap=True)


def output_of(*command: str | Path, cwd: Path | None = None, **variables: str) -> str:
    """Run a program with these environment variables, and return what it prints.

    Raise CommandError, with all that it printed, if it fails.
    """
    ended = subprocess.run(  # noqa: S603 (programs that commands of the project name)
        command,
        cwd=cwd,
        env={**os.environ, **variables},
        capture_output=True,
        check=False,
        text=True,
    )
    if ended.returncode:
        raise CommandError(f"{Path(command[0]).name} failed:\n{ended.stdout}{ended.stderr}")
    return ended.stdout


def exit_status(work: Callable[[Console], int]) -> int:
    """Return the result of `work`, 1 after ProcessError or CommandError, or 130 after Ctrl-C.

    SIGTERM ends the program with status 143, after it has left all `with` blocks.
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
