"""A worker touches its liveness file while it is alive, and a check reads the file's age."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import time

import pytest

from celery_sqs_fifo.consuming.liveness import (
    DEAD_AFTER,
    TOUCH_EVERY,
    Liveness,
    are_all_alive,
    default_folder,
    is_alive,
)
from tests.support.fake_loop import FakeLoop

PROJECT_ROOT = Path(__file__).resolve().parents[4]


class Worker:
    """A worker that a test can make alive or not, with its file and its event loop."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.lives = True
        self.loop = FakeLoop()
        self.liveness = Liveness(str(file), queue="events.fifo", is_alive=lambda: self.lives)

    def touches(self, during: Callable[[], None]) -> bool:
        os.utime(self.file, (1, 1))
        during()
        return self.file.stat().st_mtime > 1


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    return Worker(tmp_path / "alive")


def test_the_file_exists_from_the_start(worker: Worker) -> None:
    worker.liveness.start(worker.loop)

    assert worker.file.exists()


def test_the_file_is_touched_repeatedly_while_the_loop_runs(worker: Worker) -> None:
    worker.liveness.start(worker.loop)

    assert worker.touches(lambda: worker.loop.advance(TOUCH_EVERY))
    assert worker.touches(lambda: worker.loop.advance(TOUCH_EVERY))
    assert not worker.touches(lambda: None)


def test_the_file_is_touched_only_while_the_worker_is_alive(
    worker: Worker,
) -> None:
    worker.liveness.start(worker.loop)
    worker.lives = False
    assert not worker.touches(lambda: worker.loop.advance(60))

    worker.lives = True
    assert worker.touches(lambda: worker.loop.advance(TOUCH_EVERY))


def test_the_file_is_not_touched_after_the_worker_has_stopped(worker: Worker) -> None:
    worker.liveness.start(worker.loop)
    worker.liveness.stop()

    assert not worker.touches(lambda: worker.loop.advance(60))


def test_without_a_name_nothing_is_touched() -> None:
    loop = FakeLoop()
    liveness = Liveness("", queue="events.fifo", is_alive=lambda: True)
    liveness.start(loop)
    loop.advance(60)
    liveness.stop()

    assert not Path().is_file()


def test_several_touches_fit_into_the_time_after_which_a_worker_is_dead() -> None:
    assert TOUCH_EVERY * 3 < DEAD_AFTER


@pytest.mark.parametrize(("age", "alive"), [(0, True), (29, True), (31, False)])
def test_a_worker_whose_file_was_not_touched_for_half_a_minute_is_dead(
    tmp_path: Path, age: int, alive: bool
) -> None:
    file = tmp_path / "alive"
    file.touch()

    assert is_alive(file, now=file.stat().st_mtime + age) is alive


def test_without_a_file_the_check_fails(tmp_path: Path) -> None:
    assert is_alive(tmp_path / "never written", now=0) is False


@pytest.mark.parametrize(("exists", "status"), [(True, 0), (False, 1)])
def test_the_exit_status_of_the_check_says_whether_the_worker_is_alive(
    tmp_path: Path, exists: bool, status: int
) -> None:
    file = tmp_path / "alive"
    if exists:
        file.touch()
    check = subprocess.run(
        [sys.executable, "-m", "celery_sqs_fifo.consuming.liveness", str(file)],
        cwd=PROJECT_ROOT,
        capture_output=True,
        timeout=30,
        check=False,
    )

    assert (check.returncode, check.stdout, check.stderr) == (status, b"", b"")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The default folder, which does not exist yet."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return default_folder()


def liveness_of(queue: str) -> Liveness:
    return Liveness(None, queue=queue, is_alive=lambda: True)


def check(folder: Path) -> int:
    """Run the check of a container, and return its status."""
    return subprocess.run(
        [sys.executable, "-m", "celery_sqs_fifo.consuming.liveness"],
        cwd=PROJECT_ROOT,
        env={**os.environ, "TMPDIR": str(folder.parent)},
        timeout=30,
        check=False,
    ).returncode


@contextmanager
def locked_by_another_process(file: Path) -> Iterator[None]:
    """Hold the lock of a file, as a check of another process does for a moment."""
    holder = (
        "import fcntl, sys; file = open(sys.argv[1], 'r+'); fcntl.lockf(file, fcntl.LOCK_EX); "
        "print('locked', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        process.stdout.readline()
        yield
        process.communicate()


def test_by_default_each_queue_of_each_worker_has_a_file_and_all_must_be_recent(
    folder: Path,
) -> None:
    assert check(folder) == 1
    loop = FakeLoop()
    both = [liveness_of("one.fifo"), liveness_of("two.fifo")]
    for liveness in both:
        liveness.start(loop)
    assert check(folder) == 0
    os.utime(folder / f"{os.getpid()}-two.fifo", (1, 1))
    assert check(folder) == 1

    for liveness in both:
        liveness.stop()
    assert list(folder.iterdir()) == []
    assert folder.stat().st_mode & 0o077 == 0


def test_the_file_of_a_killed_worker_does_not_count_and_is_removed_by_the_next(
    folder: Path,
) -> None:
    folder.mkdir()
    (folder / "1-events.fifo").touch()
    assert not are_all_alive(folder, now=time())

    liveness = liveness_of("events.fifo")
    liveness.start(FakeLoop())
    assert [file.name for file in folder.iterdir()] == [f"{os.getpid()}-events.fifo"]
    liveness.stop()


def test_a_file_that_a_check_has_locked_at_the_start_is_locked_at_the_next_touch(
    folder: Path,
) -> None:
    folder.mkdir(mode=0o700)
    file = folder / f"{os.getpid()}-events.fifo"
    file.touch()
    loop = FakeLoop()
    liveness = liveness_of("events.fifo")
    with locked_by_another_process(file):
        liveness.start(loop)
    loop.advance(TOUCH_EVERY)

    assert check(folder) == 0
    liveness.stop()


def test_a_removed_file_is_created_again(folder: Path) -> None:
    loop = FakeLoop()
    liveness = liveness_of("events.fifo")
    liveness.start(loop)
    shutil.rmtree(folder)
    loop.advance(TOUCH_EVERY)

    assert check(folder) == 0
    liveness.stop()


def test_a_folder_of_another_user_is_not_used_and_does_not_stop_the_worker(
    folder: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    folder.symlink_to(elsewhere)
    liveness = liveness_of("events.fifo")
    liveness.start(FakeLoop())
    liveness.stop()

    assert list(elsewhere.iterdir()) == []


def test_without_a_folder_for_temporary_files_the_worker_continues(folder: Path) -> None:
    folder.write_text("not a folder")
    loop = FakeLoop()
    liveness = liveness_of("events.fifo")
    liveness.start(loop)
    loop.advance(TOUCH_EVERY)
    liveness.stop()

    assert check(folder) == 1
