"""The Celery app is that of every thread, and its programs end if AWS settings are wrong."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from celery import signals

from config.celery import app
from tasks.deadletters import collect_dead_letters


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
