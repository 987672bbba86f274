"""A proxy that loses connections without closing them."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import pytest

from testbed.proxy import SwallowingProxy, running_proxy


@pytest.fixture
def proxy() -> Iterator[SwallowingProxy]:
    """A proxy in front of an echo server."""
    listener = socket.create_server(("127.0.0.1", 0))
    connections: list[socket.socket] = []

    def echo(connection: socket.socket) -> None:
        # The fixture closes the connection while this thread reads from it.
        with suppress(OSError):
            while data := connection.recv(1024):
                connection.sendall(data)

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connections.append(connection)
            threading.Thread(target=echo, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    with running_proxy(url=f"http://127.0.0.1:{listener.getsockname()[1]}/queue") as proxy:
        yield proxy
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    for connection in connections:
        connection.close()


def connect(proxy: SwallowingProxy) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", proxy.port), timeout=2)
    connection.settimeout(0.5)
    return connection


def answers(connection: socket.socket) -> bool:
    """Return whether an answer arrives. Raise ConnectionError if the connection is closed."""
    connection.sendall(b"x")
    try:
        if not connection.recv(1):
            raise ConnectionError("the proxy has closed the connection")
    except TimeoutError:
        return False
    return True


def test_connections_that_are_lost_stay_open_and_new_ones_work(proxy: SwallowingProxy) -> None:
    with connect(proxy) as before:
        assert answers(before)
        proxy.lose_connections()
        assert not answers(before)
        with connect(proxy) as after:
            assert answers(after)


def test_a_connection_that_is_opened_while_the_proxy_swallows_traffic_never_works(
    proxy: SwallowingProxy,
) -> None:
    proxy.swallow()
    with connect(proxy) as during:
        assert not answers(during)
        proxy.pass_on()
        assert not answers(during)
        with connect(proxy) as after:
            assert answers(after)


def test_the_url_through_the_proxy_keeps_its_path(proxy: SwallowingProxy) -> None:
    parts = urlsplit(proxy.url("http://localhost:1/123/q.fifo"))

    assert (parts.port, parts.path) == (proxy.port, "/123/q.fifo")
    assert proxy.url("postgres://me:secret@localhost:1/x").startswith("postgres://me:secret@127.0.")
    with pytest.raises(ValueError, match="a host and a port"), running_proxy(url="http://x"):
        pass


def test_a_connection_that_the_server_refuses_is_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
    with running_proxy(url=address) as proxy, connect(proxy) as connection:
        assert connection.recv(1) == b""
