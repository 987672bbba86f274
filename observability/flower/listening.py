"""Checks whether Flower can listen with its options.

tornado would end with a traceback, and listen on another port instead of one that is too large.
"""

import ssl
from collections.abc import Mapping
from pathlib import Path

from tornado.netutil import bind_sockets, bind_unix_socket

MAX_PORT = 65_535


def address_problem(*, address: str, port: int) -> str | None:
    """Return a sentence that says why Flower cannot listen on an address and port, or None.

    Listen for a moment to find out.
    """
    if not 0 <= port <= MAX_PORT:
        return f"FLOWER_PORT (--port) must be a number from 0 to {MAX_PORT}, not {port}."
    try:
        sockets = bind_sockets(port, address=address)
    # UnicodeError: the address cannot be the name of a host.
    except (OSError, UnicodeError) as error:
        return (
            f"Flower cannot listen on port {port} of {address}: {_reason(error)}. Change "
            "FLOWER_PORT (--port) or FLOWER_ADDRESS (--address)."
        )
    for socket in sockets:
        socket.close()
    return None


def unix_socket_problem(path: str) -> str | None:
    """Return a sentence that says why Flower cannot listen on a Unix socket, or None."""
    try:
        # Flower replaces the socket that this leaves behind.
        bind_unix_socket(path).close()
    # ValueError: there is another file.
    except (OSError, ValueError) as error:
        return (
            f"Flower cannot listen on {path}: {_reason(error)}. Change FLOWER_UNIX_SOCKET "
            "(--unix_socket)."
        )
    return None


def tls_problem(files: Mapping[str, str]) -> str | None:
    """Return a sentence that says why Flower cannot use its files for TLS, or None.

    `files` has the paths by Flower's options, as in "certfile", and is empty without TLS.
    """
    for option, file in files.items():
        try:
            Path(file).read_bytes()
        except OSError as error:
            return f"FLOWER_{option.upper()} (--{option}) cannot be read: {file}: {_reason(error)}."
    if not files:
        return None
    # tornado would load them for each connection, and fail each time.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # With a password, OpenSSL does not ask for one at the terminal.
        context.load_cert_chain(files["certfile"], files["keyfile"], password="")
        if "ca_certs" in files:
            context.load_verify_locations(files["ca_certs"])
    except ssl.SSLError as error:
        names = " and ".join(files.values())
        return (
            f"Flower cannot use {names} for TLS: {_reason(error)}. They must be a "
            "certificate and its key, in PEM and without a password."
        )
    return None


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
