"""`make up`: the embedded stack with every process of the service, until Ctrl-C."""

import argparse
import secrets
import shlex
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from embedded.commands import print_error
from embedded.network import LOOPBACK, free_port
from embedded.processes import ManagedProcess, ProcessError, sigterm_as_exit
from embedded.service import (
    prepare,
    run_manage,
    running_beat,
    running_flower,
    running_module,
    running_web,
    running_worker,
)
from embedded.stack import Stack, running_stack

_POLL_SECONDS = 0.5
_USER = "admin"


@dataclass(frozen=True, kw_only=True)
class Service:
    """The running service. `password` is for the user "admin" of the admin site and of Flower."""

    stack: Stack
    processes: list[ManagedProcess]
    admin_url: str
    flower_url: str
    metrics_url: str
    password: str


def main() -> int:
    """Return 0 after Ctrl-C or SIGTERM, 1 if a process does not start or ends by itself."""
    load = _arguments().load
    console = Console()
    try:
        with sigterm_as_exit(), _running_service(load=load, console=console) as service:
            _print_addresses(console=console, service=service)
            _wait_for_exit(processes=service.processes)
    except ProcessError as error:
        print_error(str(error))
        return 1
    except (KeyboardInterrupt, SystemExit):
        console.print("Stopped.")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m embedded.up", description=__doc__)
    parser.add_argument("--load", metavar="RATE", help="generated events a second; default: none")
    return parser.parse_args()


@contextmanager
def _running_service(*, load: str | None, console: Console) -> Iterator[Service]:
    password = secrets.token_urlsafe(12)
    with ExitStack() as exits:
        status = exits.enter_context(console.status("Starting the embedded stack"))
        stack = exits.enter_context(running_stack())
        logs = stack.logs
        metrics_port = free_port()
        environment = {
            **stack.environment,
            **_page_settings(password=password),
            "METRICS_PORT": str(metrics_port),
        }
        status.update("Migrating and provisioning")
        prepare(environment=environment, logs=logs)
        _add_superuser(stack=stack, environment=environment, password=password)
        status.update("Starting the worker, beat, the admin site and Flower")
        worker = exits.enter_context(running_worker(environment=environment, logs=logs))
        beat = exits.enter_context(running_beat(environment=environment, logs=logs))
        web = exits.enter_context(running_web(environment=environment, logs=logs))
        flower = exits.enter_context(running_flower(environment=environment, logs=logs))
        processes = [worker, beat, web.process, flower.process]
        if load:
            arguments = ["testbed.traffic", load]
            processes.append(
                exits.enter_context(
                    running_module(
                        name="load", arguments=arguments, environment=environment, logs=logs
                    )
                )
            )
        status.stop()
        yield Service(
            stack=stack,
            processes=processes,
            admin_url=f"{web.url}/admin/",
            flower_url=f"{flower.url}/",
            metrics_url=f"http://{LOOPBACK}:{metrics_port}/metrics",
            password=password,
        )


def _page_settings(*, password: str) -> dict[str, str]:
    return {
        "CONSOLE_ENABLED": "true",
        # Only this machine reaches 127.0.0.1, which has no certificate.
        "DJANGO_PLAIN_HTTP": "true",
        "DJANGO_ALLOWED_HOSTS": f"{LOOPBACK},localhost",
        "DJANGO_STATIC_ROOT": "",
        "FLOWER_BASIC_AUTH": f"{_USER}:{password}",
    }


def _add_superuser(*, stack: Stack, environment: Mapping[str, str], password: str) -> None:
    run_manage(
        arguments=["createsuperuser", "--no-input"],
        environment={
            **environment,
            "DJANGO_SUPERUSER_USERNAME": _USER,
            "DJANGO_SUPERUSER_EMAIL": "admin@example.org",
            "DJANGO_SUPERUSER_PASSWORD": password,
        },
        logs=stack.logs,
    )


def _wait_for_exit(*, processes: list[ManagedProcess]) -> None:
    while True:
        for process in processes:
            if not process.is_running:
                raise process.error(f"ended by itself with status {process.exit_status}")
        time.sleep(_POLL_SECONDS)


def _print_addresses(*, console: Console, service: Service) -> None:
    stack = service.stack
    table = Table(title="The service is running", title_justify="left")
    table.add_column("What", no_wrap=True)
    table.add_column("Where", overflow="fold")
    table.add_row("Admin site, console", service.admin_url)
    table.add_row("Flower", service.flower_url)
    table.add_row("The worker's metrics", service.metrics_url)
    table.add_row("User and password", f"{_USER} {service.password}")
    table.add_row("PostgreSQL", stack.database_url)
    table.add_row("SQS", stack.sqs_url)
    table.add_row("DynamoDB (moto)", stack.moto_url)
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
