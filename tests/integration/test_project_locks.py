"""While a project's closing rule changes, some statements wait for its lock and others do not."""

import threading
from datetime import time
from typing import Any

import pytest
from django.db import OperationalError, connection

from apps.conversations import projects
from apps.conversations.project_models import Project
from apps.conversations.project_settings import ProjectSettings
from tests.support.builders import NOON, PROJECT
from tests.support.sessions import started, wait_for_a_blocked_session

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _project() -> None:
    Project.objects.create(uuid=PROJECT, timezone="America/Sao_Paulo")


def configure(settings: ProjectSettings) -> None:
    """Write these settings of the project."""
    row = projects.ProjectRow(uuid=PROJECT, settings=settings)
    projects.configure(rows=[row], now=NOON, dry_run=False)


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

    monkeypatch.setattr(projects, "count_to_move", meanwhile)

    configure({"timezone": "UTC"})

    # Opening takes FOR SHARE on the project's row; a foreign key takes FOR KEY SHARE.
    assert outcomes == {"SHARE": "refused", "KEY SHARE": "granted"}


def test_the_second_of_two_concurrent_changes_keeps_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    locked: list[tuple[str, time]] = []
    threads: list[threading.Thread] = []

    def count(*, project: Project, **_arguments: Any) -> int:
        locked.append((project.timezone, project.closing_time))
        if not threads:
            threads.append(started(configure, {"closing_time": time(12)}))
            wait_for_a_blocked_session()
        return 0

    monkeypatch.setattr(projects, "count_to_move", count)

    configure({"timezone": "UTC"})
    threads[0].join(timeout=30)

    assert locked == [("UTC", time(0)), ("UTC", time(12))]
