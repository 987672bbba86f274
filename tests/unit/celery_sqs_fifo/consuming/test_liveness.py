"""The liveness file and its check."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from celery_sqs_fifo.consuming.liveness import DEAD_AFTER, TOUCH_EVERY, Liveness, is_alive
from tests.support.fake_loop import FakeLoop

PROJECT_ROOT = Path(__file__).resolve().parents[4]


class Worker:
    """Something that lives or not, its file, and its loop."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.lives = True
        self.loop = FakeLoop()
        self.liveness = Liveness(str(file), is_alive=lambda: self.lives)

    def touches(self, during: Callable[[], None]) -> bool:
        os.utime(self.file, (1, 1))
        during()
        return self.file.stat().st_mtime > 1


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    return Worker(tmp_path / "alive")


def test_the_file_is_there_from_the_start(worker: Worker) -> None:
    worker.liveness.start(worker.loop)

    assert worker.file.exists()


def test_the_file_is_touched_while_the_loop_turns_and_the_worker_is_alive(worker: Worker) -> None:
    worker.liveness.start(worker.loop)

    assert worker.touches(lambda: worker.loop.advance(TOUCH_EVERY))
    assert worker.touches(lambda: worker.loop.advance(TOUCH_EVERY))
    assert not worker.touches(lambda: None)


def test_the_file_ages_when_the_worker_is_not_alive_and_is_young_again_when_it_is(
    worker: Worker,
) -> None:
    worker.liveness.start(worker.loop)
    worker.lives = False
    assert not worker.touches(lambda: worker.loop.advance(60))

    worker.lives = True
    assert worker.touches(lambda: worker.loop.advance(TOUCH_EVERY))


def test_the_file_ages_after_the_end(worker: Worker) -> None:
    worker.liveness.start(worker.loop)
    worker.liveness.stop()

    assert not worker.touches(lambda: worker.loop.advance(60))


def test_without_a_name_nothing_is_touched() -> None:
    loop = FakeLoop()
    liveness = Liveness("", is_alive=lambda: True)
    liveness.start(loop)
    loop.advance(60)
    liveness.stop()

    assert not Path().is_file()


def test_several_touches_fit_into_the_time_after_which_a_worker_is_dead() -> None:
    assert TOUCH_EVERY * 3 < DEAD_AFTER


@pytest.mark.parametrize(("age", "alive"), [(0, True), (29, True), (31, False)])
def test_a_file_that_was_not_touched_for_half_a_minute_is_a_dead_workers(
    tmp_path: Path, age: int, alive: bool
) -> None:
    file = tmp_path / "alive"
    file.touch()

    assert is_alive(file, now=file.stat().st_mtime + age) is alive


def test_without_a_file_there_is_no_worker(tmp_path: Path) -> None:
    assert is_alive(tmp_path / "never written", now=0) is False


@pytest.mark.parametrize(("exists", "status"), [(True, 0), (False, 1)])
def test_the_check_of_a_container_tells_by_its_status(
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
