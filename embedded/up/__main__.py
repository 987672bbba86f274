"""`make up` runs the embedded stack with every process of the service until Ctrl-C.

A process that ends by itself is started again. Only the first start must succeed.
"""

import argparse
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from rich.console import Console

from embedded.commands import print_error, print_with_time
from embedded.processes import ProcessError, sigterm_as_exit
from embedded.up.keeping import Child, Keeper
from embedded.up.presence import announced, is_held, note_pid
from embedded.up.printing import print_addresses, print_next_steps, write_settings
from embedded.up.starting import Started, start

# The limit of testbed.traffic, which sends the events.
MAX_LOAD = 200
_POLL_SECONDS = 0.2


def main() -> int:
    """Return 0 after Ctrl-C or SIGTERM, 1 if a process cannot start at first."""
    options = _options()
    console = Console()
    kept: Path | None = None
    try:
        with sigterm_as_exit(), ExitStack() as exits:
            with console.status("") as status:
                # A file has no line that moves.
                report = status.update if console.is_terminal else console.print
                started = start(
                    load=options.load, keeps_data=options.keep, exits=exits, report=report
                )
            kept = started.stack.directory if options.keep else None
            _keep_running(started, keeps_data=options.keep, console=console)
            console.print("Stopping.")
    except ProcessError as error:
        print_error(str(error))
        return 1
    except (KeyboardInterrupt, SystemExit):
        # Before everything was running, or while it was being stopped.
        pass
    console.print("Stopped." if kept is None else f"Stopped. Data and logs are in {kept}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m embedded.up", description=__doc__)
    parser.add_argument(
        "--load",
        type=_load,
        metavar="RATE",
        help=f"generated events a second, from 1 to {MAX_LOAD}; default: none",
    )
    parser.add_argument("--keep", action="store_true", help="keep data and logs at the end")
    return parser.parse_args()


def _load(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MAX_LOAD):
        raise argparse.ArgumentTypeError(
            f"LOAD must be a whole number of events a second from 1 to {MAX_LOAD}."
        )
    return int(text)


def _keep_running(started: Started, *, keeps_data: bool, console: Console) -> None:
    """Print the addresses, and keep the children running until Ctrl-C or SIGTERM."""
    stack = started.stack
    note = partial(_note, directory=stack.directory)
    keeper = Keeper(
        started.children,
        say=partial(print_with_time, console=console),
        is_held=partial(is_held, stack.directory),
        started=note,
    )
    for child in started.children:
        note(child)
    settings_file = stack.directory / "settings.sh"
    write_settings(stack.environment, file=settings_file)
    with (
        announced(directory=stack.directory, environment=stack.environment),
        _stop_requests() as requests,
    ):
        print_addresses(started, console=console)
        print_next_steps(settings_file=settings_file, keeps_data=keeps_data, console=console)
        while not requests:
            keeper.look()
            time.sleep(_POLL_SECONDS)


def _note(child: Child, *, directory: Path) -> None:
    note_pid(directory, name=child.name, pid=child.process.pid)


@contextmanager
def _stop_requests() -> Iterator[list[int]]:
    """Yield a list that gets the number of each SIGINT and SIGTERM, which raise nothing meanwhile.

    An exception could lose a child that is being started.
    """
    requests: list[int] = []
    previous = {
        number: signal.signal(number, lambda received, _frame: requests.append(received))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield requests
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    sys.exit(main())
