"""Locks while a project's closing rule changes: which statements wait and which do not."""

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
    """Start a thread that closes its own database connection, and return it."""

    def run() -> None:
        try:
            target(*arguments)
        finally:
            connection.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def test_no_conversation_opens_while_its_rule_is_being_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outcomes: dict[str, str] = {}

    def lock(strength: str) -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute(
                    f"SELECT 1 FROM conversations_project FOR {strength} NOWAIT"  # noqa: S608
                )
            outcomes[strength] = "granted"
        except OperationalError:
            outcomes[strength] = "refused"

    def meanwhile(**_arguments: Any) -> int:
        for strength in ("SHARE", "KEY SHARE"):
            started(lock, strength).join(timeout=30)
        return 0

    monkeypatch.setattr(projects, "move_open_conversations", meanwhile)

    configure({"timezone": "UTC"})

    # Opening takes FOR SHARE on the project's row; a foreign key takes FOR KEY SHARE.
    assert outcomes == {"SHARE": "refused", "KEY SHARE": "granted"}


def test_the_second_of_two_concurrent_changes_applies_both(monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[tuple[str, time]] = []
    threads: list[threading.Thread] = []

    def move(*, project: Project, **_arguments: Any) -> int:
        moved.append((project.timezone, project.closing_time))
        if not threads:
            threads.append(started(configure, {"closing_time": time(12)}))
            wait_for_a_blocked_session()
        return 0

    monkeypatch.setattr(projects, "move_open_conversations", move)

    configure({"timezone": "UTC"})
    threads[0].join(timeout=30)

    assert moved == [("UTC", time(0)), ("UTC", time(12))]


def wait_for_a_blocked_session() -> None:
    """Return when a session waits for a lock. Fail after ten seconds."""
    deadline = clock.monotonic() + 10
    while clock.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        clock.sleep(0.01)
    pytest.fail("no session waits for a lock")
