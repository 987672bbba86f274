"""Loopback addresses for the embedded servers."""

import secrets
import socket

LOOPBACK = "127.0.0.1"
# Below the range from which Linux and macOS take the ports of outgoing connections, so that none of
# those can take a port between its choice and the server's bind.
_PORTS = range(20_000, 32_000)
_ATTEMPTS = 100


def free_port() -> int:
    """A TCP port that nothing on 127.0.0.1 is bound to at the moment.

    Raises RuntimeError if no free one was found.
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
