"""The Celery app: its threads, its tasks, and programs that end if AWS settings are wrong."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from celery import signals

from config.celery import app
from tasks.deadletters import collect_dead_letters
from tasks.schedules import SCHEDULES


def test_a_page_that_runs_in_another_thread_sends_tasks_with_the_app() -> None:
    with ThreadPoolExecutor(max_workers=1) as threads:
        used = threads.submit(lambda: collect_dead_letters.app).result()

    assert used is app


def test_beat_with_an_unknown_profile_ends_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nope")

    with pytest.raises(SystemExit, match=r"The config profile \(nope\) could not be found"):
        signals.beat_init.send(sender=None)


def test_a_worker_imports_the_module_of_each_scheduled_task() -> None:
    modules = {task.name.rpartition(".")[0] for task in SCHEDULES.values()}

    assert modules <= set(app.conf.include)
