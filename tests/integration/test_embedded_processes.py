"""Errors of child processes quote their logs, and no child outlives its program."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from embedded import processes
from embedded.processes import Command, ManagedProcess, ProcessError

PROJECT_ROOT = Path(__file__).resolve().parents[2]
# Shells start background processes with SIGINT ignored, so the default is restored.
HOLDER = """
import os, signal, sys, time
from pathlib import Path
from embedded.processes import Command, supervisor
signal.signal(signal.SIGINT, signal.default_int_handler)
with supervisor() as processes:
    directory = processes.temporary_directory()
    command = Command(
        name="child",
        arguments=[sys.executable, "-c", "import time; time.sleep(60)"],
        environment=os.environ,
        working_directory=Path("/"),
    )
    processes.start(command=command, log=directory / "log")
    sys.stdout.write(f"{directory}\\n")
    sys.stdout.flush()
    time.sleep(60)
"""


def test_a_process_that_ends_at_once_is_reported_with_its_log(tmp_path: Path) -> None:
    command = python("raise SystemExit('no such port')")
    with processes.supervisor() as supervisor:
        process = supervisor.start(command=command, log=tmp_path / "log")
        with pytest.raises(
            ProcessError, match=r"(?s)child ended with status 1 before.*no such port"
        ):
            process.wait_until_ready(is_ready=lambda: False, timeout_seconds=10)


def test_a_process_that_is_never_ready_is_reported_with_its_log(tmp_path: Path) -> None:
    command = python("import time; print('still loading', flush=True); time.sleep(60)")
    with processes.supervisor() as supervisor:
        process = supervisor.start(command=command, log=tmp_path / "log")
        wait_for_output(process)
        with pytest.raises(ProcessError, match=r"(?s)was not ready after 0.1 sec.*still loading"):
            process.wait_until_ready(is_ready=lambda: False, timeout_seconds=0.1)


def test_a_process_that_ignores_sigterm_is_killed_with_its_children(tmp_path: Path) -> None:
    stubborn = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print('up', flush=True)\n"
        "time.sleep(60)\n"
    )
    with processes.supervisor() as supervisor:
        process = supervisor.start(
            command=python(stubborn, grace_seconds=0.2), log=tmp_path / "log"
        )
        wait_for_output(process)
        members = [psutil.Process(process.pid), *family(psutil.Process(process.pid))]
        assert len(members) == 2
    assert not [member for member in members if is_alive(member)]
    assert process.exit_status == -signal.SIGKILL


def test_the_children_of_a_killed_process_do_not_outlive_it(tmp_path: Path) -> None:
    parent = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print('up', flush=True)\n"
        "child.wait()\n"
    )
    with processes.supervisor() as supervisor:
        process = supervisor.start(command=python(parent), log=tmp_path / "log")
        wait_for_output(process)
        children = family(psutil.Process(process.pid))
        os.kill(process.pid, signal.SIGKILL)
        psutil.Process(process.pid).wait(5)
        assert not process.is_running
        assert children
        assert not [child for child in children if is_alive(child)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_program_that_a_signal_ends_leaves_nothing_behind(number: signal.Signals) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with holder:
        assert holder.stdout
        directory = Path(holder.stdout.readline().strip())
        started = family(psutil.Process(holder.pid))
        assert len(started) >= 2
        holder.send_signal(number)
        holder.wait(10)
    wait_until(lambda: not any(is_alive(process) for process in started))
    wait_until(lambda: not directory.exists())


def test_a_process_is_started_again_with_a_continued_log_and_ends_with_the_block(
    tmp_path: Path,
) -> None:
    command = python("import time; print('up', flush=True); time.sleep(60)")
    with processes.supervisor() as supervisor:
        process = supervisor.start(command=command, log=tmp_path / "log")
        wait_for_output(process)
        first = process.pid
        process.start_again()
        assert process.pid == first
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: process.exit_status == -signal.SIGKILL)
        process.start_again()
        wait_for_output(process)
        second = psutil.Process(process.pid)
        assert second.pid != first
        assert process.log_text() == "up\n"
        assert (tmp_path / "log").read_text() == "up\nup\n"
    assert not is_alive(second)


def test_a_frozen_process_is_stopped_without_waiting_for_its_grace_period(tmp_path: Path) -> None:
    command = python("import time; print('up', flush=True); time.sleep(60)", grace_seconds=60)
    with processes.supervisor() as supervisor:
        process = supervisor.start(command=command, log=tmp_path / "log")
        wait_for_output(process)
        process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
    assert time.monotonic() - began < 30
    assert process.exit_status == -signal.SIGTERM


def test_a_directory_is_kept_only_if_the_supervisor_keeps_it() -> None:
    with processes.supervisor() as supervisor:
        removed = supervisor.temporary_directory()
    with processes.supervisor(keeps_directories=True) as supervisor:
        kept = supervisor.temporary_directory()
    try:
        assert not removed.exists()
        assert kept.is_dir()
    finally:
        kept.rmdir()


def test_the_directory_of_a_stack_is_private() -> None:
    with processes.supervisor() as supervisor:
        directory = supervisor.temporary_directory()
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def python(program: str, *, grace_seconds: float = 5.0) -> Command:
    return Command(
        name="child",
        arguments=[sys.executable, "-c", program],
        environment=dict(os.environ),
        working_directory=PROJECT_ROOT,
        grace_seconds=grace_seconds,
    )


def wait_for_output(process: ManagedProcess) -> None:
    process.wait_until_ready(is_ready=lambda: bool(process.log_text()), timeout_seconds=10)


def family(process: psutil.Process) -> list[psutil.Process]:
    return process.children(recursive=True)


def is_alive(process: psutil.Process) -> bool:
    """Return whether a process still runs. A zombie process does not count."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
