"""Ports for the embedded servers are free, and different in all processes."""

import socket
import subprocess
import sys
from contextlib import ExitStack

import pytest

from embedded import network
from embedded.network import LOOPBACK, free_port
from embedded.service import PROJECT_ROOT

PROCESSES, PORTS = 6, 90
CHOOSE = f"""
from embedded.network import free_port
print(*(free_port() for _ in range({PORTS})), flush=True)
input()
"""


def test_processes_that_run_at_the_same_time_never_choose_the_same_port() -> None:
    chosen: list[str] = []
    with ExitStack() as exits:
        processes = [
            exits.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", CHOOSE],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    cwd=PROJECT_ROOT,
                    text=True,
                )
            )
            for _ in range(PROCESSES)
        ]
        for process in processes:
            assert process.stdout
            chosen += process.stdout.readline().split()
        for process in processes:
            process.communicate("end\n")

    assert len(chosen) == len(set(chosen)) == PROCESSES * PORTS


def test_a_process_returns_its_ports_in_turn() -> None:
    ports = [free_port() for _ in range(50)]

    assert len(set(ports)) == len(ports)


def test_a_port_in_use_is_skipped() -> None:
    own = {free_port() for _ in range(network._BLOCK_SIZE - 1)}
    used = min(own)
    with socket.socket() as server:
        server.bind((LOOPBACK, used))

        assert {free_port() for _ in range(network._BLOCK_SIZE)} == own - {used}


def test_an_error_says_that_no_port_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_bind", lambda _port: None)

    with pytest.raises(RuntimeError, match="no free port"):
        free_port()
