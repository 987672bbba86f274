"""A project's closing rule while it changes: who waits for it, and who need not."""

import threading
import time as clock
from datetime import time
from typing import Any

import pytest
from django.db import OperationalError, connection

from apps.conversations import projects
from apps.conversations.models import Project
from apps.conversations.project_settings import ProjectSettings
from tests.support.builders import NOON, PROJECT

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _project() -> None:
    Project.objects.create(uuid=PROJECT, timezone="America/Sao_Paulo")


def configure(settings: ProjectSettings) -> None:
    """Write these settings of the project."""
    row = projects.ProjectRow(uuid=PROJECT, settings=settings)
    projects.configure(rows=[row], now=NOON, dry_run=False)


def started(target: Any, *arguments: Any) -> threading.Thread:
    """A thread with a connection of its own, which it closes."""

    def run() -> None:
        try:
            target(*arguments)
        finally:
            connection.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def test_no_conversation_opens_by_a_rule_that_is_being_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outcomes: dict[str, str] = {}

    def lock(strength: str) -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute(
                    f"SELECT 1 FROM conversations_project FOR {strength} NOWAIT"  # noqa: S608
                )
            outcomes[strength] = "had"
        except OperationalError:
            outcomes[strength] = "refused"

    def meanwhile(**_arguments: Any) -> int:
        for strength in ("SHARE", "KEY SHARE"):
            started(lock, strength).join(timeout=30)
        return 0

    monkeypatch.setattr(projects, "move_open_conversations", meanwhile)

    configure({"timezone": "UTC"})

    # Opening shares the project's row; what only refers to it shares its key.
    assert outcomes == {"SHARE": "refused", "KEY SHARE": "had"}


def test_of_two_changes_at_once_the_second_moves_by_both(monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[tuple[str, time]] = []
    threads: list[threading.Thread] = []

    def move(*, project: Project, **_arguments: Any) -> int:
        moved.append((project.timezone, project.closing_time))
        if not threads:
            threads.append(started(configure, {"closing_time": time(12)}))
            wait_until_somebody_waits_for_a_lock()
        return 0

    monkeypatch.setattr(projects, "move_open_conversations", move)

    configure({"timezone": "UTC"})
    threads[0].join(timeout=30)

    assert moved == [("UTC", time(0)), ("UTC", time(12))]


def wait_until_somebody_waits_for_a_lock() -> None:
    """Fails after ten seconds."""
    deadline = clock.monotonic() + 10
    while clock.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        clock.sleep(0.01)
    pytest.fail("nobody waits for a lock")
