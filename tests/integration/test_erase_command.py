"""`manage.py erase` says what there is, asks, has it removed, and says what it cannot reach."""

import io
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from apps.analytics.models import OutboxEvent
from apps.conversations.models import Conversation, Erasure
from operations import contact_erasure
from operations.management.commands import erase as command
from tasks import erasing as tasks
from testbed.sqs.fifo import Fifo
from tests.support.builders import NOON, PROJECT, URN, message_body, numbered_message, project
from tests.support.erasures import OTHER_CHANNEL, carry_out, everything, group_of, live
from tests.support.service_queue import ServiceQueue
from tests.support.stored import every_item, every_row_version

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("nudges")]

POINTER = "tasks.erasing.erase_contact"


@pytest.fixture(autouse=True)
def dead_letters(queue: ServiceQueue, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Fifo:
    """The dead-letter queue, on the same strict server as the queue."""
    other = queue.another()
    settings.SQS_CONVERSATION_DLQ_URL = other.url
    monkeypatch.setattr(contact_erasure, "POLL_INTERVAL", 0.01)
    return other


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch, queue: ServiceQueue) -> None:
    """Carries out at once what is sent."""

    def send(erasures: Sequence[Erasure]) -> int:
        unsent = tasks.send(erasures)
        for name, (erasure_uuid,) in queue.pointers():
            assert name == POINTER
            tasks.erase_contact.run(erasure_uuid)
        return unsent

    monkeypatch.setattr(command, "send", send)


def run(*options: str, contact: str = URN, project_uuid: Any = PROJECT) -> str:
    """Run the command without its question; gives what it says."""
    said = io.StringIO()
    arguments = [f"--contact={contact}", f"--project={project_uuid}", "--yes", *options]
    call_command("erase", *arguments, stdout=said)
    return said.getvalue()


def refused(*options: str, **whom: Any) -> str:
    """What the command says when it ends with an error."""
    with pytest.raises(CommandError) as caught:
        run(*options, **whom)
    return str(caught.value)


def answer(monkeypatch: pytest.MonkeyPatch, text: str | None) -> None:
    """What the operator types; None: there is no terminal."""

    def type_in(_question: str) -> str:
        if text is None:
            raise EOFError
        return text

    monkeypatch.setattr("builtins.input", type_in)


def lines(said: str, *, heading: str) -> dict[str, int]:
    """The counts below a heading."""
    _, _, below = said.partition(f"{heading}:\n")
    counts = {}
    for line in below.split("\n"):
        number, _, name = line.strip().partition("  ")
        if not (line.startswith("  ") and number.isdigit()):
            break
        counts[name] = int(number)
    return counts


@pytest.mark.usefixtures("worker")
def test_it_says_what_there_is_and_what_was_removed_and_what_the_lake_has(
    dead_letters: Fifo, tmp_path: Path
) -> None:
    live()
    told = OutboxEvent.objects.earliest("id")
    OutboxEvent.objects.filter(pk=told.pk).update(delivered_at=NOON)
    dead_letters.send(message_body(), MessageGroupId=group_of())
    dead_letters.send("not JSON", MessageGroupId=group_of())
    file = tmp_path / "ids"

    said = run(f"--lake-ids={file}")

    there_is = {
        "conversations": 2,
        "archived messages": 2,
        "messages in DynamoDB": 1,
        "survey answers": 2,
        "outbox events": 2,
    }
    assert lines(said, heading="There is") == there_is
    assert lines(said, heading="Removed") == there_is | {"dead letters": 2}
    assert "The data lake was sent 1 answers of this contact." in said
    assert file.read_text() == f"{told.event_id}\n"
    assert URN not in everything()
    assert every_item() == []
    assert dead_letters.received() == []


@pytest.mark.usefixtures("worker")
def test_what_the_lake_has_can_be_asked_for_later(tmp_path: Path) -> None:
    live()
    OutboxEvent.objects.update(delivered_at=NOON)
    run()

    said = run(f"--lake-ids={tmp_path / 'ids'}")

    assert lines(said, heading="There is")["conversations"] == 0
    assert "Removed before, the last at " in said
    assert len((tmp_path / "ids").read_text().split()) == 2


def test_the_pointers_go_through_the_groups_of_the_contact(queue: ServiceQueue) -> None:
    live()
    live(channel=OTHER_CHANNEL)

    refused("--wait=0")

    pointers = queue.deliveries()
    assert {delivery.group_id for delivery in pointers} == {
        group_of(),
        group_of(channel=OTHER_CHANNEL),
    }
    assert all(delivery.is_barrier for delivery in pointers)


def test_without_a_worker_it_ends_with_what_to_do_and_the_next_run_goes_on(
    queue: ServiceQueue,
) -> None:
    live()
    assert "1 of 1 groups are still to be erased" in refused("--wait=0.1")
    assert Conversation.objects.count() == 2
    (asked_for,) = Erasure.objects.all()

    assert "1 of 1 groups are still to be erased" in refused("--wait=0")
    (still,) = Erasure.objects.all()
    assert still.uuid == asked_for.uuid
    assert queue.pointers() == [(POINTER, [str(still.uuid)])] * 2
    carry_out([still])

    assert URN not in everything()


def test_a_kill_before_the_pointers_are_sent_is_made_good_by_the_next_run(
    queue: ServiceQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    live()

    def die(_erasures: Sequence[Erasure]) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(command, "send", die)
        with pytest.raises(KeyboardInterrupt):
            run()
    (asked_for,) = Erasure.objects.all()
    assert queue.pointers() == []

    refused("--wait=0")

    assert queue.pointers() == [(POINTER, [str(asked_for.uuid)])]


def test_an_sqs_that_refuses_is_told_and_nothing_is_waited_for(queue: ServiceQueue) -> None:
    live()
    queue.strict.fail(status=400, code="AccessDenied")

    try:
        said = refused()
    finally:
        queue.strict.clear_faults()

    assert "SQS did not take 1 of 1 tasks." in said
    assert "The dead letters could not be searched: AccessDenied." in said


@pytest.mark.parametrize("typed", ["no", "", "yeah", None])
def test_nothing_is_asked_for_unless_the_operator_says_yes(
    monkeypatch: pytest.MonkeyPatch, queue: ServiceQueue, typed: str | None
) -> None:
    live()
    before = every_row_version()
    answer(monkeypatch, typed)

    with pytest.raises(CommandError, match=r"^Nothing was done: .+\.$"):
        call_command("erase", f"--contact={URN}", f"--project={PROJECT}", stdout=io.StringIO())

    assert every_row_version() == before
    assert queue.pointers() == []


@pytest.mark.usefixtures("worker")
def test_a_yes_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    live()
    answer(monkeypatch, "yes")

    call_command("erase", f"--contact={URN}", f"--project={PROJECT}", stdout=io.StringIO())

    assert URN not in everything()


@pytest.mark.parametrize(
    ("whom", "said"),
    [
        ({"project_uuid": "shop"}, '"shop" is not a UUID: write '),
        ({"contact": ""}, "--contact is empty"),
    ],
)
def test_what_names_nobody_is_refused_with_a_sentence(whom: dict[str, Any], said: str) -> None:
    project()
    assert said in refused(**whom)
    assert not Erasure.objects.exists()


def test_a_project_that_is_unknown_is_refused_with_a_sentence() -> None:
    unknown = uuid4()
    assert refused(project_uuid=unknown).startswith(f"There is no project {unknown}: ")


def test_a_file_that_cannot_be_written_is_told_before_anything_is_removed() -> None:
    live()
    assert "cannot be written" in refused("--lake-ids=/nonexistent/ids")
    assert not Erasure.objects.exists()


def test_a_dynamodb_that_is_down_is_told(settings: Any) -> None:
    live()
    settings.DYNAMODB_MESSAGE_TABLE = "another_table"
    assert "DynamoDB is unavailable" in refused()


@pytest.mark.usefixtures("worker")
def test_a_contact_who_has_nothing_is_kept_out_and_has_dead_letters_removed(
    dead_letters: Fifo,
) -> None:
    project()
    dead_letters.send(numbered_message(0), MessageGroupId="any")

    said = run()

    assert lines(said, heading="Removed")["dead letters"] == 1
    (tombstone,) = Erasure.objects.all()
    assert tombstone.erased_at is not None


@pytest.mark.usefixtures("worker")
def test_dead_letters_of_others_that_wait_to_be_erased_are_not_taken_for_the_contacts(
    dead_letters: Fifo,
) -> None:
    """Contacts without conversations share a group."""
    project()
    dead_letters.send("another's pointer", MessageGroupId="erasures")

    run()

    assert dead_letters.received() == ["another's pointer"]


@pytest.mark.usefixtures("worker")
def test_logs_name_nobody(caplog: pytest.LogCaptureFixture) -> None:
    live()
    with caplog.at_level(logging.INFO):
        run()

    assert caplog.records
    told = str(
        [
            vars(record)
            for record in caplog.records
            if record.name.startswith(("operations", "tasks"))
        ]
    )
    assert str(PROJECT) in told
    assert URN not in told
