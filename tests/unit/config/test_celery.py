"""The Celery app is that of every thread, not only of the one that has imported it."""

from concurrent.futures import ThreadPoolExecutor

from config.celery import app
from tasks.deadletters import collect_dead_letters


def test_a_page_that_runs_in_another_thread_sends_tasks_with_the_app() -> None:
    with ThreadPoolExecutor(max_workers=1) as threads:
        used = threads.submit(lambda: collect_dead_letters.app).result()

    assert used is app
