"""`make up`: the embedded stack with a worker and beat, until Ctrl-C."""

import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table

from embedded.processes import ManagedProcess, ProcessError, sigterm_as_exit
from embedded.service import prepare, running_beat, running_worker
from embedded.stack import Stack, running_stack

_POLL_SECONDS = 0.5


def main() -> int:
    """Runs until Ctrl-C or SIGTERM (0) or until a process cannot start or ends by itself (1)."""
    console, errors = Console(), Console(stderr=True)
    try:
        with sigterm_as_exit(), _running_service(console=console) as processes:
            _wait_for_an_end(processes=processes)
    except ProcessError as error:
        errors.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        return 1
    except (KeyboardInterrupt, SystemExit):
        console.print("Stopped.")
    return 0


@contextmanager
def _running_service(*, console: Console) -> Iterator[list[ManagedProcess]]:
    with console.status("Starting PostgreSQL, moto and Valkey") as status, running_stack() as stack:
        status.update("Migrating and provisioning")
        prepare(environment=stack.environment, logs=stack.logs)
        status.update("Starting the worker and beat")
        with (
            running_worker(environment=stack.environment, logs=stack.logs) as worker,
            running_beat(environment=stack.environment, logs=stack.logs) as beat,
        ):
            status.stop()
            _print_addresses(console=console, stack=stack)
            yield [worker, beat]


def _wait_for_an_end(*, processes: list[ManagedProcess]) -> None:
    while True:
        for process in processes:
            if not process.is_running:
                raise process.error(f"ended by itself with status {process.exit_status}")
        time.sleep(_POLL_SECONDS)


def _print_addresses(*, console: Console, stack: Stack) -> None:
    table = Table(title="The service is running", title_justify="left")
    table.add_column("What", no_wrap=True)
    table.add_column("Where", overflow="fold")
    table.add_row("PostgreSQL", stack.database_url)
    table.add_row("SQS, DynamoDB (moto)", stack.aws_endpoint_url)
    table.add_row("Queue", stack.environment["SQS_CONVERSATION_QUEUE_URL"])
    table.add_row("Dead letters", stack.environment["SQS_CONVERSATION_DLQ_URL"])
    table.add_row("Valkey", stack.control_url)
    table.add_row("Data lake", str(stack.lake))
    table.add_row("Logs", str(stack.logs))
    console.print(table)
    console.print("To use them from another shell:")
    for name, value in stack.environment.items():
        console.print(
            f"export {name}={shlex.quote(value)}", markup=False, highlight=False, soft_wrap=True
        )
    console.print("Ctrl-C stops everything and removes the data.")


if __name__ == "__main__":
    sys.exit(main())
