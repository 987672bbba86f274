"""What the commands of the benchmark have in common: how they end."""

from collections.abc import Callable

from rich.console import Console

from bench.backlog import NotDone
from embedded.processes import ProcessError, sigterm_as_exit

_INTERRUPTED = 130


def exit_status(work: Callable[[Console], None]) -> int:
    """0 when the work is done, 1 with a sentence if it failed; 130 and 143 if stopped."""
    errors = Console(stderr=True)
    try:
        with sigterm_as_exit():
            work(Console())
    except (ProcessError, NotDone) as error:
        errors.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        errors.print("Interrupted. Everything is stopped.")
        return _INTERRUPTED
    return 0
