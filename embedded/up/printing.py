"""What `make up` prints when everything runs: the addresses, and the next commands."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console

from embedded.network import LOOPBACK
from embedded.up.starting import USER, Started

_CONSOLE = "/admin/analytics/surveyanswer/console/"


def print_addresses(started: Started, *, console: Console) -> None:
    """Print where everything is. No line is longer than 80 characters, unless a path is long."""
    stack = started.stack
    postgresql = urlsplit(stack.database_url)
    addresses = {
        "Console": f"{started.web_url}{_CONSOLE}",
        "Admin site": f"{started.web_url}/admin/",
        "Flower": f"{started.flower_url}/",
        "User, password": f"{USER} {started.password}",
        "Metrics": f"http://{LOOPBACK}:{started.metrics_port}/metrics",
        "Queue": stack.environment["SQS_CONVERSATION_QUEUE_URL"],
        "Dead letters": stack.environment["SQS_CONVERSATION_DLQ_URL"],
        "DynamoDB": stack.moto_url,
        "PostgreSQL": f"{LOOPBACK}:{postgresql.port}, database {postgresql.path[1:]}",
        "Valkey": stack.control_url,
        "Data lake": str(stack.lake),
        "Logs": str(stack.logs),
    }
    console.print("The service is running.\n")
    _print_columns(addresses, console=console)


def print_next_steps(*, settings_file: Path, keeps_data: bool, console: Console) -> None:
    """Print the commands that one uses next, in another shell."""
    console.print("\nIn another shell, in this folder:\n")
    _print_columns(
        {
            ". .venv/bin/activate": "",
            f". {settings_file}": "the settings of this stack",
            "python manage.py status": "shows whether it works",
            "python manage.py doctor": "checks everything",
            "make drill": "lists outages to rehearse",
        },
        console=console,
    )
    what = "stops everything" if keeps_data else "stops everything and removes the data"
    console.print(f"\nCtrl-C {what}.", highlight=False)


def write_settings(settings: Mapping[str, str], *, file: Path) -> None:
    """Write `export` lines that only this user may read, because they have passwords."""
    file.touch(mode=0o600)
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in settings.items()]
    file.write_text("".join(lines), encoding="utf-8")


def _print_columns(rows: Mapping[str, str], *, console: Console) -> None:
    width = max(map(len, rows))
    for left, right in rows.items():
        line = f"  {left:{width}}  {right}".rstrip()
        console.print(line, markup=False, highlight=False, soft_wrap=True)
