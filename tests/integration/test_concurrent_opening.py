"""Workers can open conversations concurrently, and wait while a closing rule changes."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection, transaction

from apps.conversations.attribution import Attribution
from apps.conversations.models import Conversation
from apps.conversations.project_models import Project
from tests.support.builders import NOON, found
from tests.support.sessions import wait_for_a_blocked_session

SECOND = timedelta(seconds=1)


@contextmanager
def blocked_work(work: Callable[[], object]) -> Iterator[None]:
    """Run the block in a transaction, and meanwhile `work` in a thread, which waits for it."""

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    with transaction.atomic():
        yield
        thread.start()
        wait_for_a_blocked_session()
    thread.join(timeout=30)


@pytest.mark.django_db(transaction=True)
def test_two_workers_with_different_groups_open_one_conversation() -> None:
    both_ready = threading.Barrier(2)
    places: list[Attribution] = []
    errors: list[Exception] = []

    def work(group_id: str) -> None:
        try:
            for number in range(10):
                both_ready.wait(timeout=10)
                places.append(found(urn=f"telegram:{number}", group_id=group_id))
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(f"group-{number}",)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert not errors
    assert len(places) == 20
    assert len({place.conversation_uuid for place in places}) == 10
    assert Conversation.objects.count() == 10


@pytest.mark.django_db(transaction=True)
def test_of_two_first_messages_of_the_contact_at_once_the_earlier_one_is_noted() -> None:
    later, earlier = NOON + 9 * SECOND, NOON + 5 * SECOND
    found(sent_at=NOON, from_contact=False)

    with blocked_work(lambda: found(sent_at=later)):
        found(sent_at=earlier, group_id="another-group")

    assert Conversation.objects.get().written_at == earlier


@pytest.mark.django_db(transaction=True)
def test_both_of_two_runs_at_once_know_that_their_message_opened_the_conversation() -> None:
    runs: list[Attribution] = []

    with blocked_work(lambda: runs.append(found(sent_at=NOON))):
        runs.append(found(sent_at=NOON))

    assert [run.opened for run in runs] == [True, False]
    assert all(run.has_opened for run in runs)


@pytest.mark.django_db(transaction=True)
def test_opening_waits_for_a_closing_rule_that_is_being_changed() -> None:
    """A conversation cannot open under a rule that another transaction is replacing."""
    found(urn="telegram:1")
    changing, may_commit = threading.Event(), threading.Event()

    def change_rule() -> None:
        try:
            with transaction.atomic():
                Project.objects.update(timezone="Asia/Tokyo")
                changing.set()
                may_commit.wait(timeout=10)
        finally:
            connection.close()

    changer = threading.Thread(target=change_rule)
    changer.start()
    assert changing.wait(timeout=10)
    opener = threading.Thread(target=_found_in_thread)
    opener.start()
    wait_for_a_blocked_session()
    may_commit.set()
    changer.join(timeout=30)
    opener.join(timeout=30)

    opened = Conversation.objects.get(contact_urn="telegram:2")
    assert opened.closes_at.isoformat() == "2026-11-23T15:00:00+00:00"


def _found_in_thread() -> None:
    try:
        found(urn="telegram:2")
    finally:
        connection.close()
