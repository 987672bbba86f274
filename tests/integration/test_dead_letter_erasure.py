"""Erasing a contact deletes only their own dead letters from PostgreSQL."""

import io
import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from apps.conversations.models import Erasure
from apps.messages.dead_letter_format import body_of
from apps.messages.models import DeadLetter
from testbed.sqs.fifo import Fifo
from tests.support.builders import PROJECT, URN, message_body, project
from tests.support.dead_letters import bury, collect, dead_letter_queue_of, kept
from tests.support.erasures import (
    REQUESTED,
    carry_out,
    deliver_history,
    erase,
    everything,
    group_of,
    request,
)
from tests.support.service_queue import ServiceQueue

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("outbox_hints")]

OTHER = "telegram:2002"
AT = REQUESTED - timedelta(minutes=1)


@pytest.fixture
def letters(queue: ServiceQueue, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fifo]:
    """The dead-letter queue."""
    with dead_letter_queue_of(queue, monkeypatch) as letters:
        yield letters


def of_another_project() -> str:
    """Return an event of a contact with the same URN in another project."""
    document = json.loads(message_body())
    document["data"]["project_uuid"] = "5f0c2f3a-6b1d-4a57-9c39-000000000000"
    return json.dumps(document)


def test_the_letters_of_the_contact_are_deleted_and_counted(letters: Fifo) -> None:
    deliver_history()
    bury(letters, group=group_of(), sent_at=AT)
    bury(letters, group="another", sent_at=AT)
    bury(letters, "not JSON", group=group_of(), sent_at=AT)
    others = [message_body(urn=OTHER), of_another_project(), "not JSON either"]
    for body in others:
        bury(letters, body, group=group_of(urn=OTHER), sent_at=AT)
    bury(letters, message_body(urn=OTHER), group="shared", sent_at=AT)
    assert len(collect()) == 7

    erase()

    assert [body_of(letter) for letter in kept()] == [*others, others[0]]
    assert Erasure.objects.get().removed["dead_letters"] == 3


def test_nothing_of_the_contact_is_left_in_any_table(letters: Fifo) -> None:
    deliver_history()
    bury(letters, group=group_of(), sent_at=AT)
    collect()
    assert URN in str(DeadLetter.objects.values_list())

    erase()

    assert URN not in everything()


def test_a_contact_without_conversations_loses_only_letters_that_name_them(
    letters: Fifo,
) -> None:
    """Contacts without conversations share a group for their pointers."""
    project()
    bury(letters, group="any", sent_at=AT)
    bury(letters, "a pointer", group="erasures", sent_at=AT)
    collect()

    carry_out(request())

    assert [body_of(letter) for letter in kept()] == ["a pointer"]


def test_the_command_counts_letters_on_the_queue_and_in_postgresql(
    letters: Fifo, queue: ServiceQueue
) -> None:
    deliver_history()
    bury(letters, group=group_of(), sent_at=AT)
    collect()
    bury(letters, group=group_of(), sent_at=AT)
    output = io.StringIO()
    asked = request()
    carry_out(asked)

    with pytest.raises(CommandError, match="groups are not erased yet"):
        call_command(
            *("erase", f"--contact={URN}", f"--project={PROJECT}", "--yes", "--wait=0"),
            stdout=output,
        )

    before, _, after = output.getvalue().partition("Found:")
    assert "1  dead letters" in before
    assert "1  dead letters" in after
    assert letters.received() == []
