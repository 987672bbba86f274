"""SQS and DynamoDB servers that this project did not write, as processes on 127.0.0.1."""

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from embedded.commands import CommandError
from embedded.network import LOOPBACK, free_port
from embedded.processes import Command, Supervisor
from tests.foreign.installing import PACKAGES

# The account number that all these servers use by default.
ACCOUNT_ID = "000000000000"
_START_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """How to start a server: its command, given a port, and its environment variables."""

    command: Callable[[int], list[str | Path]]
    variables: Callable[[int], Mapping[str, str]] = lambda _port: {}


def _ministack(port: int) -> dict[str, str]:
    return {
        "BIND_HOST": LOOPBACK,
        "MINISTACK_HOST": LOOPBACK,
        "GATEWAY_PORT": str(port),
        "SERVICES": "sqs,dynamodb",
        "LOG_LEVEL": "WARNING",
    }


PROGRAMS = {
    "ministack": Program(
        command=lambda _port: [PACKAGES.python, "-m", "ministack"],
        variables=_ministack,
    ),
    "fauxqs": Program(command=lambda port: [PACKAGES.node(), "fauxqs.js", str(port)]),
    "dynalite": Program(command=lambda port: [PACKAGES.node(), "dynalite.js", str(port)]),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The names in PROGRAMS of the two servers of a run: one for SQS and one for DynamoDB."""

    sqs: str
    dynamodb: str

    @property
    def name(self) -> str:
        """The name that selects this pair in SERVERS."""
        return self.sqs if self.sqs == self.dynamodb else f"{self.sqs}+{self.dynamodb}"

    def start(self, *, processes: Supervisor, logs: Path) -> tuple[str, str]:
        """Start the servers, and return the addresses of SQS and DynamoDB. Raise ProcessError."""
        sqs_url = start(self.sqs, processes=processes, logs=logs)
        if self.sqs == self.dynamodb:
            return sqs_url, sqs_url
        return sqs_url, start(self.dynamodb, processes=processes, logs=logs)


PAIRS = (
    Pair(sqs="ministack", dynamodb="ministack"),
    Pair(sqs="fauxqs", dynamodb="dynalite"),
)


# Known servers that cannot be run, with the reason. Choosing one of them is an error, and the page
# lists them.
UNAVAILABLE = {
    "localstack": (
        "localstack-core 2026.3.0 uses the syntax of Python 3.12 although it says that 3.10 is"
        " enough, this project is locked for 3.11, and its DynamoDB is a program that it downloads"
        " from outside the package registries."
    ),
}


def chosen_pairs(names: str) -> list[Pair]:
    """Return the pairs with these names, separated by blanks; all if empty. Raise CommandError."""
    by_name = {pair.name: pair for pair in PAIRS}
    for name in names.split():
        if name in UNAVAILABLE:
            raise CommandError(f"{name} cannot be run: {UNAVAILABLE[name]}")
    unknown = set(names.split()) - by_name.keys()
    if unknown:
        raise CommandError(f"{', '.join(sorted(unknown))}: there are only {', '.join(by_name)}.")
    return [by_name[name] for name in names.split() or by_name]


def start(name: str, *, processes: Supervisor, logs: Path) -> str:
    """Start a server, and return its address once it accepts connections. Raise ProcessError."""
    port = free_port()
    program = PROGRAMS[name]
    process = processes.start(
        command=Command(
            name=name,
            arguments=program.command(port),
            environment={**os.environ, **program.variables(port)},
            working_directory=PACKAGES.node_folder,
        ),
        log=logs / f"{name}.log",
    )
    process.wait_until_ready(
        is_ready=lambda: _accepts_connections(port), timeout_seconds=_START_TIMEOUT_SECONDS
    )
    return f"http://{LOOPBACK}:{port}"


def _accepts_connections(port: int) -> bool:
    try:
        socket.create_connection((LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True
