"""Loopback addresses for the embedded servers."""

import secrets
import socket

LOOPBACK = "127.0.0.1"
# Below the range from which Linux and macOS take the ports of outgoing connections, so that no
# connection takes a port between its choice and the bind of the server.
_PORTS = range(20_000, 32_000)
_ATTEMPTS = 100


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that is free at the moment.

    Raises RuntimeError if it finds none.
    """
    for _ in range(_ATTEMPTS):
        port = secrets.choice(_PORTS)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"No free port was found on {LOOPBACK} in {_ATTEMPTS} attempts.")
