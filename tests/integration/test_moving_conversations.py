"""Open conversations move to a new closing rule in short transactions, even after a kill."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection

from apps.conversations import moving, projects
from apps.conversations.models import Conversation
from apps.conversations.project_models import Project
from tasks.closing import close_due_conversations
from tests.support.builders import NOON, PROJECT, conversation
from tests.support.closings import DAY, MINUTE, at
from tests.support.stored import every_row_version

CONTACTS = 7
PAGE = 3
TEN = time(10)
# 10:00 in the time zone of the project, and the next closing after that.
CLOSES_AT = datetime.fromisoformat("2026-11-23T13:00:00+00:00")

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("aws")]


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "PAGE", PAGE)


@pytest.fixture
def opened() -> list[Conversation]:
    """Return the open conversations of a project."""
    return [conversation(urn=f"telegram:{number}") for number in range(CONTACTS)]


def configure(*, now: datetime = NOON) -> None:
    """Set the closing time, without moving conversations."""
    row = projects.ProjectRow(uuid=PROJECT, settings={"closing_time": TEN})
    projects.configure(rows=[row], now=now, dry_run=False)


def moved() -> int:
    """Return how many conversations have the new closing time."""
    return Conversation.objects.filter(closes_at=CLOSES_AT).count()


def fail_at_page(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Raise an error at this page, as if the command were killed there."""
    pages: list[Any] = []
    is_current = moving._is_current

    def fails(project: Project) -> bool:
        pages.append(project)
        if len(pages) == number:
            raise OperationalError
        return is_current(project)

    monkeypatch.setattr(moving, "_is_current", fails)


def test_each_transaction_moves_one_page(
    opened: list[Conversation], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure()
    sizes: list[int] = []

    def note_size(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        result = execute(sql, *arguments)
        if sql.startswith('UPDATE "conversations_conversation"'):
            sizes.append(arguments[-1]["cursor"].rowcount)
        return result

    with connection.execute_wrapper(note_size):
        projects.finish_moves([PROJECT])

    assert sizes == [3, 3, 1]
    assert moved() == CONTACTS
    assert Project.objects.get().moving_since is None


def test_the_remaining_conversations_move_when_the_command_is_run_again(
    opened: list[Conversation], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure()
    with monkeypatch.context() as patch:
        fail_at_page(patch, 2)
        with pytest.raises(OperationalError):
            projects.finish_moves([PROJECT])
    assert moved() == PAGE

    configure(now=NOON + MINUTE)
    projects.finish_moves([PROJECT])
    assert moved() == CONTACTS


def test_a_tick_finishes_what_a_killed_command_began(opened: list[Conversation]) -> None:
    configure()

    with at(NOON + MINUTE / 2):
        close_due_conversations.run()
    assert moved() == 0

    with at(NOON + 2 * MINUTE):
        close_due_conversations.run()
    assert moved() == CONTACTS


def test_conversations_that_opened_under_the_new_rule_are_left_alone(
    opened: list[Conversation],
) -> None:
    configure()
    for days in (0, 1, 3):
        conversation(
            urn=f"telegram:new{days}",
            opened_at=NOON + days * DAY + MINUTE,
        )
        Conversation.objects.filter(contact_urn=f"telegram:new{days}").update(
            closes_at=CLOSES_AT + days * DAY
        )
    new = Conversation.objects.filter(contact_urn__contains="new").order_by("contact_urn")
    before = list(new.values_list("closes_at", flat=True))

    projects.finish_moves([PROJECT])

    assert list(new.values_list("closes_at", flat=True)) == before


def test_moves_stop_when_the_rule_has_changed_again(opened: list[Conversation]) -> None:
    configure()
    stale = Project.objects.get()
    Project.objects.update(closing_time=time(11), moving_since=NOON + timedelta(seconds=1))
    before = every_row_version()

    assert moving.move_open_conversations(project=stale, now=NOON) == 0

    assert every_row_version() == before


def test_the_project_is_not_locked_while_its_conversations_move(
    opened: list[Conversation], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure()
    statements: list[str] = []

    def note(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        statements.append(sql)
        return execute(sql, *arguments)

    with connection.execute_wrapper(note):
        projects.finish_moves([PROJECT])

    assert not [sql for sql in statements if "FOR UPDATE" in sql or "FOR NO KEY" in sql]
