"""A drill finds each `make up` that runs, and none that was killed."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from embedded.service import PROJECT_ROOT
from embedded.up.presence import announced, is_held, note_pid, running_ups

HOLDER = """
import sys, time
from pathlib import Path
from embedded.up.presence import announced
folder = Path(sys.argv[1])
with announced(directory=folder, environment={}, folder=folder):
    print("announced", flush=True)
    time.sleep(60)
"""


def test_a_program_is_found_with_its_settings_until_its_block_ends(tmp_path: Path) -> None:
    folder = tmp_path / "up"
    with announced(directory=tmp_path, environment={"SECRET_KEY": "s"}, folder=folder):
        (up,) = running_ups(folder)
        was_running = up.is_running
        assert (up.pid, up.directory) == (os.getpid(), tmp_path)
        assert up.environment == {"SECRET_KEY": "s"}
        assert stat.S_IMODE(up.announcement.stat().st_mode) == 0o600

    assert (was_running, up.is_running) == (True, False)
    assert running_ups(folder) == []
    assert list(folder.iterdir()) == []


def test_a_program_that_was_killed_is_not_found_and_its_file_is_removed(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout
        assert holder.stdout.readline() == "announced\n"
        (up,) = running_ups(tmp_path)
        holder.send_signal(signal.SIGKILL)

    assert not up.is_running
    assert running_ups(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_the_id_of_the_newest_process_with_a_name_is_found(tmp_path: Path) -> None:
    with announced(directory=tmp_path, environment={}, folder=tmp_path / "up"):
        (up,) = running_ups(tmp_path / "up")
        assert not up.has("worker")
        for pid in (17, 18):
            note_pid(tmp_path, name="worker", pid=pid)
        assert up.has("worker")
        assert up.pid_of("worker") == 18
        with pytest.raises(ProcessLookupError):
            up.pid_of("load")


def test_a_process_is_held_down_only_within_the_block_of_a_drill(tmp_path: Path) -> None:
    with announced(directory=tmp_path, environment={}, folder=tmp_path / "up"):
        (up,) = running_ups(tmp_path / "up")
        assert not is_held(tmp_path, "worker")
        with up.kept_down("worker"):
            assert is_held(tmp_path, "worker")
            assert not is_held(tmp_path, "postgres")
        assert not is_held(tmp_path, "worker")


def test_there_is_one_drill_at_a_time(tmp_path: Path) -> None:
    with announced(directory=tmp_path, environment={}, folder=tmp_path / "up"):
        (up,) = running_ups(tmp_path / "up")
        with up.reserved() as first, up.reserved() as second:
            assert (first, second) == (True, False)
        with up.reserved() as third:
            assert third
