"""A server with TLS in front of PostgreSQL, which can ask for a token of IAM as RDS does.

The wheel's PostgreSQL has no TLS. `make postgres-matrix` uses servers that have it.
"""

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer

# PostgreSQL, "Message Formats".
_SSL_REQUEST, _GSS_REQUEST = 80_877_103, 80_877_104
_ASK_FOR_PASSWORD = b"R" + struct.pack("!ii", 8, 3)
# Called with the user and the token. Returns whether the user may enter.
Check = Callable[[str, str], bool]


@contextmanager
def tls_gate(
    *, upstream: tuple[str, int], certificate: tuple[Path, Path], check: Check | None = None
) -> Iterator[int]:
    """Run the server on a free port of 127.0.0.1, and yield the port.

    `upstream` is the address of PostgreSQL. With `check`, the client must send a token in clear
    text, and PostgreSQL must trust this machine.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            # A client that does not accept the certificate ends the handshake.
            with suppress(ssl.SSLError, ConnectionError, EOFError):
                self._serve()

        def _serve(self) -> None:
            while (code := struct.unpack("!ii", _read(self.request, 8))[1]) == _GSS_REQUEST:
                self.request.sendall(b"N")
            if code != _SSL_REQUEST:
                return
            self.request.sendall(b"S")
            with (
                context.wrap_socket(self.request, server_side=True) as client,
                socket.create_connection(upstream) as server,
            ):
                if check is None or _enter(client, server, check=check):
                    _connect(client, server)

    class Server(ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as gate:
        thread = threading.Thread(target=gate.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield gate.server_address[1]
        finally:
            gate.shutdown()
            thread.join()


def _enter(client: socket.socket, server: socket.socket, *, check: Check) -> bool:
    """Ask for a token, and begin the client's session if it is right."""
    length = _read(client, 4)
    startup = _read(client, struct.unpack("!i", length)[0] - 4)
    words = startup[4:].split(b"\0")
    user = dict(zip(words[::2], words[1::2], strict=False))[b"user"].decode()
    client.sendall(_ASK_FOR_PASSWORD)
    _kind, size = struct.unpack("!ci", _read(client, 5))
    token = _read(client, size - 4).rstrip(b"\0").decode()
    if check(user, token):
        server.sendall(length + startup)
        return True
    fields = f'SFATAL\0C28000\0MPAM authentication failed for user "{user}"\0\0'.encode()
    client.sendall(b"E" + struct.pack("!i", len(fields) + 4) + fields)
    return False


def _connect(client: socket.socket, server: socket.socket) -> None:
    """Pass data on in both directions until one side ends."""
    back = threading.Thread(target=_pass_on, args=(server, client), daemon=True)
    back.start()
    _pass_on(client, server)
    back.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


def _read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data
