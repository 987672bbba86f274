"""Drills are listed, refuse what they cannot do, and repair what they broke."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from embedded.commands import CommandError
from embedded.up.presence import RunningUp, announced, note_pid, running_ups
from testbed.drills import __main__ as program
from testbed.drills.catalogue import DRILLS
from testbed.drills.drill import Drill
from testbed.drills.running import run_drill


@pytest.fixture
def up(tmp_path: Path) -> Iterator[RunningUp]:
    """A `make up` without processes."""
    folder = tmp_path / "up"
    with announced(directory=tmp_path, environment={}, folder=folder):
        (found,) = running_ups(folder)
        yield found


def recorded(happened: list[str]) -> Drill:
    """Return a drill that notes when it breaks and repairs."""

    @contextmanager
    def breaking(_up: RunningUp) -> Iterator[None]:
        happened.append("broken")
        try:
            yield
        finally:
            happened.append("repaired")

    return replace(DRILLS[0], breaking=breaking, afterwards="It works again.")


def test_the_list_has_one_line_for_each_drill_that_fits_80_columns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DRILL", raising=False)
    console = Console(width=80)

    with console.capture() as printed:
        assert program.work(console) == 0

    lines = [line.split() for line in printed.get().splitlines()]
    for drill in DRILLS:
        whole = f"{drill.name} {drill.summary} {drill.seconds} s {drill.chapter}".split()
        assert lines.count(whole) == 1, drill.name


def test_an_unknown_drill_is_refused_with_the_names_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRILL", "earthquake")

    with pytest.raises(CommandError, match=r"no drill 'earthquake'.* kill-worker, .*lake-down"):
        program.work(Console())


def test_a_drill_without_a_running_stack_says_how_to_start_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DRILL", "kill-worker")
    monkeypatch.setattr(program, "running_ups", list)

    with pytest.raises(CommandError, match=r"No `make up` runs\. Start it in another shell: make"):
        program.work(Console())


def test_with_several_stacks_one_must_be_named(
    monkeypatch: pytest.MonkeyPatch, up: RunningUp
) -> None:
    monkeypatch.setenv("DRILL", "kill-worker")
    monkeypatch.setattr(program, "running_ups", lambda: [up, replace(up, pid=5)])

    with pytest.raises(CommandError, match=f"set DRILL_PID to one of {up.pid}, 5"):
        program.work(Console())


def test_a_drill_repairs_when_its_time_is_over(up: RunningUp) -> None:
    happened: list[str] = []
    console = Console(width=80)

    with console.capture() as printed:
        run_drill(recorded(happened), up=up, seconds=0, console=console)

    assert happened == ["broken", "repaired"]
    assert "It works again." in printed.get()
    assert "No load runs" in printed.get()


@pytest.fixture
def ctrl_c_raises() -> Iterator[None]:
    """Use Python's own handler of SIGINT, which pytest-xdist removes, for a test."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


@pytest.mark.usefixtures("ctrl_c_raises")
def test_a_drill_repairs_on_ctrl_c_and_another_one_cannot_interrupt_it(up: RunningUp) -> None:
    happened: list[str] = []
    timer = threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGINT])
    timer.start()
    began = time.monotonic()

    run_drill(recorded(happened), up=up, seconds=60, console=Console(quiet=True))

    timer.join()
    assert happened == ["broken", "repaired"]
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    assert time.monotonic() - began < 30


def test_a_drill_ends_with_the_stack(tmp_path: Path) -> None:
    happened: list[str] = []
    console = Console(width=80)
    folder = tmp_path / "up"
    with announced(directory=tmp_path, environment={}, folder=folder):
        (up,) = running_ups(folder)
        note_pid(tmp_path, name="load", pid=1)
    with console.capture() as printed:
        run_drill(recorded(happened), up=up, seconds=60, console=console)

    assert happened == ["broken", "repaired"]
    assert "`make up` has ended" in printed.get()
    assert "No load runs" not in printed.get()
