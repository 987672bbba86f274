"""Outages of processes. Signals cause them, and `make up` starts again what has ended."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from embedded.up.presence import RunningUp


@contextmanager
def killed_worker(up: RunningUp) -> Iterator[None]:
    """Kill the worker with its pool processes, and keep it down."""
    with up.kept_down("worker"):
        _send_to_group(up, "worker", signal.SIGKILL)
        yield


@contextmanager
def frozen_worker(up: RunningUp) -> Iterator[None]:
    """Freeze the worker with its pool processes."""
    try:
        _send_to_group(up, "worker", signal.SIGSTOP)
        yield
    finally:
        _send_to_group(up, "worker", signal.SIGCONT)


@contextmanager
def stopped_postgresql(up: RunningUp) -> Iterator[None]:
    """Stop PostgreSQL as its operator does, and keep it down."""
    with up.kept_down("postgres"):
        # "Fast shutdown": it does not wait for clients to leave.
        _send(up, "postgres", signal.SIGINT)
        yield


@contextmanager
def silent_proxy(up: RunningUp) -> Iterator[None]:
    """Discard everything between the worker and PostgreSQL, and keep the connections open."""
    try:
        _send(up, "proxy", signal.SIGUSR1)
        yield
    finally:
        _send(up, "proxy", signal.SIGUSR2)


def _send(up: RunningUp, name: str, number: signal.Signals) -> None:
    """Send a signal to a process, unless it has ended."""
    with suppress(ProcessLookupError):
        os.kill(up.pid_of(name), number)


def _send_to_group(up: RunningUp, name: str, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(up.pid_of(name), number)
