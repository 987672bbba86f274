"""`make up` runs the embedded stack with every process of the service until Ctrl-C."""

import argparse
import secrets
import shlex
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

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
from embedded.stack import running_stack

_POLL_SECONDS = 0.5
_USER = "admin"


def main() -> int:
    """Return 0 after Ctrl-C or SIGTERM, 1 if a process does not start or ends by itself."""
    load = _arguments().load
    console = Console()
    try:
        with sigterm_as_exit(), ExitStack() as exits:
            processes = _start(load=load, console=console, exits=exits)
            while True:
                for process in processes:
                    process.check()
                time.sleep(_POLL_SECONDS)
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


def _start(*, load: str | None, console: Console, exits: ExitStack) -> list[ManagedProcess]:
    """Start everything, print the addresses, and return the service's processes."""
    password = secrets.token_urlsafe(12)
    with console.status("Starting the embedded stack") as status:
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
        _add_superuser(environment=environment, password=password, logs=logs)
        status.update("Starting the worker, beat, the admin site and Flower")
        worker = exits.enter_context(running_worker(environment=environment, logs=logs))
        beat = exits.enter_context(running_beat(environment=environment, logs=logs))
        web = exits.enter_context(running_web(environment=environment, logs=logs))
        flower = exits.enter_context(running_flower(environment=environment, logs=logs))
        processes = [worker, beat, web.process, flower.process]
        if load:
            sender = running_module(
                name="load",
                arguments=["testbed.traffic", load],
                environment=environment,
                logs=logs,
            )
            processes.append(exits.enter_context(sender))
    addresses = {
        "Admin site, console": f"{web.url}/admin/",
        "Flower": f"{flower.url}/",
        "The worker's metrics": f"http://{LOOPBACK}:{metrics_port}/metrics",
        "User and password": f"{_USER} {password}",
        "PostgreSQL": stack.database_url,
        "SQS": stack.sqs_url,
        "DynamoDB (moto)": stack.moto_url,
        "Queue": stack.environment["SQS_CONVERSATION_QUEUE_URL"],
        "Dead letters": stack.environment["SQS_CONVERSATION_DLQ_URL"],
        "Valkey": stack.control_url,
        "Data lake": str(stack.lake),
        "Logs": str(stack.logs),
    }
    _print_addresses(addresses, settings=stack.environment, console=console)
    return processes


def _page_settings(*, password: str) -> dict[str, str]:
    return {
        "CONSOLE_ENABLED": "true",
        # 127.0.0.1 has no certificate for TLS, but only this machine can reach it.
        "DJANGO_PLAIN_HTTP": "true",
        "DJANGO_ALLOWED_HOSTS": f"{LOOPBACK},localhost",
        "DJANGO_STATIC_ROOT": "",
        "FLOWER_BASIC_AUTH": f"{_USER}:{password}",
    }


def _add_superuser(*, environment: Mapping[str, str], password: str, logs: Path) -> None:
    run_manage(
        arguments=["createsuperuser", "--no-input"],
        environment={
            **environment,
            "DJANGO_SUPERUSER_USERNAME": _USER,
            "DJANGO_SUPERUSER_EMAIL": "admin@example.org",
            "DJANGO_SUPERUSER_PASSWORD": password,
        },
        logs=logs,
    )


def _print_addresses(
    addresses: Mapping[str, str], *, settings: Mapping[str, str], console: Console
) -> None:
    table = Table(title="The service is running", title_justify="left")
    table.add_column("What", no_wrap=True)
    table.add_column("Where", overflow="fold")
    for row in addresses.items():
        table.add_row(*row)
    console.print(table)
    console.print("To use them from another shell:")
    for name, value in settings.items():
        console.print(
            f"export {name}={shlex.quote(value)}", markup=False, highlight=False, soft_wrap=True
        )
    console.print("Ctrl-C stops everything and removes the data.")


if __name__ == "__main__":
    sys.exit(main())
