"""Loopback addresses for the embedded servers."""

import socket
from collections.abc import Iterator
from functools import cache
from itertools import cycle
from secrets import SystemRandom
from urllib.parse import urlsplit, urlunsplit

LOOPBACK = "127.0.0.1"
# These ports are below the range that Linux and macOS use for outgoing connections. So no
# connection can occupy a port after it was chosen and before the server binds it.
_PORTS = range(20_000, 32_000)
_BLOCK_SIZE = 100


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that is free, and that no other process chooses.

    Each process has its own block of ports, and returns them in turn. Raises RuntimeError if none
    of them is free.
    """
    ports = _own_ports()
    for _ in range(_BLOCK_SIZE - 1):
        port = next(ports)
        if bound := _bind(port):
            bound.close()
            return port
    raise RuntimeError(f"This process has no free port on {LOOPBACK}.")


def at_port(port: int, *, url: str) -> str:
    """Return the URL with 127.0.0.1 and this port as its address."""
    parts = urlsplit(url)
    user, at, _host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user}{at}{LOOPBACK}:{port}"))


@cache
def _own_ports() -> Iterator[int]:
    """Claim a block of ports for this process. Return an endless cycle of its ports.

    The claim is a socket on the first port of the block, which is not in the cycle.
    """
    first_ports = _PORTS[::_BLOCK_SIZE]
    for first in SystemRandom().sample(first_ports, k=len(first_ports)):
        if claim := _bind(first):
            # The operating system closes the socket when the process ends, even if it is killed.
            claim.detach()
            return cycle(range(first + 1, first + _BLOCK_SIZE))
    raise RuntimeError(f"Other processes have all blocks of ports on {LOOPBACK}.")


def _bind(port: int) -> socket.socket | None:
    """Return a socket that is bound to the port, or None if the port is in use."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.bind((LOOPBACK, port))
    except OSError:
        bound.close()
        return None
    return bound
