"""A pointer does not decide: its conversation is closed only if it is due, and only once."""

from typing import Any
from uuid import uuid4

import pytest
from django.forms.models import model_to_dict

from apps.conversations.models import Resolution
from apps.conversations.project_models import Project
from tasks import closing as tasks
from tests.support.builders import NOON, PROJECT
from tests.support.closings import HOUR, INSTANT, MINUTE, at, closing_at, current, tick, write
from tests.support.service_queue import ServiceQueue
from tests.support.stored import (
    archived,
    counted_calls,
    every_item,
    every_row_version,
    statements,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("aws")]


class Killer:
    """Replaces the next task and simulates that the worker is killed there."""

    def run_in_this_delivery(self, *_arguments: Any) -> None:
        """Raise an error that nothing catches."""
        raise KeyboardInterrupt


def test_a_repeated_pointer_changes_nothing(queue: ServiceQueue) -> None:
    due = closing_at(NOON)
    write(due, created_at=NOON - HOUR)
    with at(NOON):
        tick()
        queue.work()
    before = every_row_version()

    with at(NOON + MINUTE):
        tasks.close_conversation.run(str(due.uuid))

    assert every_row_version() == before


def test_a_pointer_closes_with_five_statements_and_archives_with_five() -> None:
    due = closing_at(NOON)
    write(due, created_at=NOON - HOUR)

    with at(NOON), counted_calls() as calls, statements() as made:
        tasks.close_conversation.run(str(due.uuid))

    assert current(due).archived_at
    assert calls == {"Query": 2}
    assert len(made) == 10


def test_a_repeated_pointer_after_a_crash_archives(
    queue: ServiceQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    due = closing_at(NOON)
    write(due, created_at=NOON - HOUR)
    with at(NOON):
        with monkeypatch.context() as crash:
            crash.setattr(tasks, "migrate_on_close", Killer())
            with pytest.raises(KeyboardInterrupt):
                tasks.close_conversation.run(str(due.uuid))
        assert current(due).resolution == Resolution.UNCLASSIFIED
        assert current(due).archived_at is None

        tasks.close_conversation.run(str(due.uuid))

    assert len(list(archived(conversation_uuid=due.uuid))) == 1
    assert queue.pointers() == []


@pytest.mark.parametrize("idle", [None, 2 * HOUR], ids=["without-idle", "idle-later"])
def test_a_forged_pointer_changes_only_the_time_of_the_next_check(idle: Any) -> None:
    Project.objects.create(uuid=PROJECT, idle_timeout=idle)
    early = closing_at(NOON, opened_at=NOON - HOUR)
    write(early, created_at=NOON - HOUR)
    items = every_item()

    with at(NOON - INSTANT):
        tasks.close_conversation.run(str(early.uuid))

    assert model_to_dict(current(early)) == model_to_dict(early)
    assert every_item() == items


def test_a_pointer_to_an_unknown_conversation_does_nothing() -> None:
    before = every_row_version()

    tasks.close_conversation.run(str(uuid4()))
    tasks.reopen_conversation.run(str(uuid4()))

    assert every_row_version() == before
