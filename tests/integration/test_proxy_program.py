"""Signals make the proxy of `make up` silent, and let new connections pass again."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded.network import LOOPBACK, free_port
from embedded.processes import ManagedProcess
from embedded.service import running_module
from testbed.http_server import running_http_server

REQUEST = b"POST / HTTP/1.1\r\nHost: proxy\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[tuple[ManagedProcess, int]]:
    """A proxy in front of a web server, and its port."""
    port = free_port()
    with (
        running_http_server(lambda *_: (200, b"{}")) as server,
        running_module(
            name="proxy",
            arguments=["testbed.proxy", "--port", str(port), "--to", server],
            environment={},
            logs=tmp_path,
        ) as process,
    ):
        process.wait_until_ready(
            is_ready=lambda: f"{LOOPBACK}:{port}" in process.log_text(), timeout_seconds=30
        )
        yield process, port


def answers(connection: socket.socket) -> bool:
    connection.sendall(REQUEST)
    try:
        return connection.recv(1024).startswith(b"HTTP/1.0 200")
    except TimeoutError:
        return False


def connect(port: int) -> socket.socket:
    connection = socket.create_connection((LOOPBACK, port), timeout=5)
    connection.settimeout(1)
    return connection


def is_silent(port: int) -> bool:
    """Whether a new connection is accepted and gets no answer."""
    with connect(port) as connection:
        return not answers(connection)


def wait_until_silent(port: int, *, silent: bool) -> None:
    deadline = time.monotonic() + 20
    while is_silent(port) is not silent:
        assert time.monotonic() < deadline


def test_signals_make_connections_silent_and_let_new_ones_pass_again(
    proxy: tuple[ManagedProcess, int],
) -> None:
    process, port = proxy
    with connect(port) as before:
        os.kill(process.pid, signal.SIGUSR1)
        wait_until_silent(port, silent=True)
        assert not answers(before)
        os.kill(process.pid, signal.SIGUSR2)
        wait_until_silent(port, silent=False)
        # It was lost, but is still open.
        assert not answers(before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_proxy_ends_on_ctrl_c_and_sigterm(
    proxy: tuple[ManagedProcess, int], number: signal.Signals
) -> None:
    process, port = proxy
    with connect(port):
        os.kill(process.pid, number)
        process.wait_until_done(timeout_seconds=20)
