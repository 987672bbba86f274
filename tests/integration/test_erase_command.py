"""`manage.py erase` counts a contact's data, asks for confirmation, and erases the data.

It lists events in the data lake, which it cannot erase.
"""

import io
import logging
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from apps.analytics.models import OutboxEvent
from apps.common.clock import now
from apps.common.errors import Unavailable
from apps.conversations.erasure_models import Erasure
from apps.conversations.models import Conversation
from apps.messages.dead_letter_format import body_of
from apps.messages.models import DeadLetter
from operations import contact_erasure
from operations.management.commands import erase as command
from tasks import erasing as tasks
from testbed.sqs.fifo import Fifo
from tests.support.builders import NOON, PROJECT, URN, message_body, numbered_message, project
from tests.support.dead_letters import collect, kept
from tests.support.erasures import OTHER_CHANNEL, carry_out, deliver_history, everything, group_of
from tests.support.service_queue import ServiceQueue
from tests.support.stored import every_item, every_row_version

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("outbox_hints")]

POINTER = "tasks.erasing.erase_contact"


@pytest.fixture(autouse=True)
def dead_letters(queue: ServiceQueue, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Fifo:
    """Return the dead-letter queue, on the same strict server as the queue."""
    other = queue.another()
    settings.SQS_CONVERSATION_DLQ_URL = other.url
    monkeypatch.setattr(contact_erasure, "POLL_INTERVAL", 0.01)
    return other


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch, queue: ServiceQueue) -> None:
    """Run published pointers immediately."""

    def publish(erasure: Erasure) -> int:
        unsent = tasks.publish_erasure(erasure)
        for name, (erasure_uuid,) in queue.pointers():
            assert (name, erasure_uuid) == (POINTER, str(erasure.uuid))
            tasks.erase_contact.run(erasure_uuid)
        return unsent

    monkeypatch.setattr(command, "publish_erasure", publish)


def run(*options: str, contact: str = URN, project_uuid: Any = PROJECT) -> str:
    """Run the command without its question. Return its output."""
    output = io.StringIO()
    arguments = [f"--contact={contact}", f"--project={project_uuid}", "--yes", *options]
    call_command("erase", *arguments, stdout=output)
    return output.getvalue()


def refused(*options: str, **whom: Any) -> str:
    """Run a command that must fail. Return its error."""
    with pytest.raises(CommandError) as caught:
        run(*options, **whom)
    return str(caught.value)


def answer(monkeypatch: pytest.MonkeyPatch, text: str | None) -> None:
    """Answer each question with this text, or None for no answer."""

    def type_in(_question: str) -> str:
        if text is None:
            raise EOFError
        return text

    monkeypatch.setattr("builtins.input", type_in)


def lines(output: str, *, heading: str) -> dict[str, int]:
    """Return the counts below a heading."""
    below = re.split(f"{heading}:\n", output)[1]
    counts = {}
    for line in below.split("\n"):
        number, _, name = line.strip().partition("  ")
        if not (line.startswith("  ") and number.isdigit()):
            break
        counts[name] = int(number)
    return counts


@pytest.mark.usefixtures("worker")
def test_found_and_removed_data_and_the_events_in_the_lake_are_printed(
    dead_letters: Fifo, tmp_path: Path
) -> None:
    deliver_history()
    sent = OutboxEvent.objects.earliest("id")
    OutboxEvent.objects.filter(pk=sent.pk).update(delivered_at=NOON)
    dead_letters.send(message_body(), MessageGroupId=group_of())
    dead_letters.send("not JSON", MessageGroupId=group_of())
    file = tmp_path / "ids"

    output = run(f"--lake-ids={file}")

    there_is = {
        "conversations": 2,
        "archived messages": 2,
        "messages in DynamoDB": 3,
        "survey answers": 2,
        "outbox events": 2,
        "dead letters": 0,
    }
    assert lines(output, heading="Found") == there_is
    assert lines(output, heading="Removed") == there_is | {"dead letters": 2}
    assert "on all its channels" in output
    assert "Events of this contact in the data lake: 1." in output
    assert file.read_text() == f"{sent.event_id}\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert URN not in everything()
    assert every_item() == []
    assert dead_letters.received() == []


@pytest.mark.usefixtures("worker")
def test_a_later_run_prints_the_events_in_the_lake(tmp_path: Path) -> None:
    deliver_history()
    OutboxEvent.objects.update(delivered_at=NOON)
    run()

    output = run(f"--lake-ids={tmp_path / 'ids'}")

    assert lines(output, heading="Found")["conversations"] == 0
    assert "Removed earlier, most recently at " in output
    assert len((tmp_path / "ids").read_text().split()) == 2


def test_the_pointers_go_through_the_groups_of_the_contact(queue: ServiceQueue) -> None:
    deliver_history()
    deliver_history(channel=OTHER_CHANNEL)

    refused("--wait=0")

    pointers = queue.deliveries()
    assert {delivery.group_id for delivery in pointers} == {
        group_of(),
        group_of(channel=OTHER_CHANNEL),
    }
    assert all(delivery.is_barrier for delivery in pointers)


def test_without_a_worker_the_command_fails_and_the_next_run_continues(
    queue: ServiceQueue,
) -> None:
    deliver_history()
    assert "The contact is not erased yet." in refused("--wait=0.1")
    assert Conversation.objects.count() == 2
    (asked_for,) = Erasure.objects.all()

    assert "The contact is not erased yet." in refused("--wait=0")
    (still,) = Erasure.objects.all()
    assert still.uuid == asked_for.uuid
    assert queue.pointers() == [(POINTER, [str(still.uuid)])] * 2
    carry_out(still, at=now())

    assert URN not in everything()


def test_after_a_kill_before_publishing_the_next_run_publishes_the_pointers(
    queue: ServiceQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver_history()

    def die(_erasure: Erasure) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(command, "publish_erasure", die)
        with pytest.raises(KeyboardInterrupt):
            run()
    (asked_for,) = Erasure.objects.all()
    assert queue.pointers() == []

    refused("--wait=0")

    assert queue.pointers() == [(POINTER, [str(asked_for.uuid)])]


def test_the_command_fails_without_waiting_if_sqs_refuses_its_calls(queue: ServiceQueue) -> None:
    deliver_history()
    queue.strict.fail(status=400, code="AccessDenied")

    try:
        assert "Tasks that SQS did not accept: 1 of 1." in refused()
    finally:
        queue.strict.clear_faults()


@pytest.mark.usefixtures("worker")
def test_letters_that_cannot_be_received_are_reported_and_erased_by_the_next_run(
    dead_letters: Fifo, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver_history()
    dead_letters.send("not JSON", MessageGroupId=group_of())

    def refuse() -> None:
        raise Unavailable("SQS", "AccessDenied")

    with monkeypatch.context() as patch:
        patch.setattr(contact_erasure, "collect_batch", refuse)
        assert "The dead-letter queue could not be searched: AccessDenied." in refused()
    output = run()

    assert lines(output, heading="Removed")["dead letters"] == 1
    assert dead_letters.received() == []
    assert not DeadLetter.objects.exists()


@pytest.mark.usefixtures("worker")
def test_letters_behind_those_of_other_contacts_are_found(dead_letters: Fifo) -> None:
    """SQS returns at most ten messages of a group, and none behind those until they are deleted."""
    deliver_history()
    others = [
        message_body(urn="telegram:2002", message={"id": f"m-{number}"}) for number in range(12)
    ]
    for body in [*others, message_body(), message_body()[:-2]]:
        dead_letters.send(body, MessageGroupId="shared")

    output = run()

    assert lines(output, heading="Removed")["dead letters"] == 2
    assert [body_of(letter) for letter in kept()] == others


@pytest.mark.usefixtures("worker")
def test_letters_that_another_receiver_has_are_reported(dead_letters: Fifo) -> None:
    deliver_history()
    dead_letters.send(message_body(), MessageGroupId="shared")
    dead_letters.receive()

    assert "About 1 dead letter could not be examined" in refused("--wait=0.1")


@pytest.mark.usefixtures("worker")
def test_letters_in_postgresql_are_counted_before_and_after_they_are_deleted(
    dead_letters: Fifo,
) -> None:
    deliver_history()
    for body in (message_body(), message_body()[:-2]):
        dead_letters.send(body, MessageGroupId="shared")
    collect()
    dead_letters.send(message_body(message={"id": "third"}), MessageGroupId="shared")

    output = run()

    assert lines(output, heading="Found")["dead letters"] == 2
    assert lines(output, heading="Removed")["dead letters"] == 3
    assert lines(run(), heading="Removed earlier, most recently at .*")["dead letters"] == 3


@pytest.mark.parametrize("typed", ["no", "", "yeah", None])
def test_nothing_is_requested_unless_the_answer_is_yes(
    monkeypatch: pytest.MonkeyPatch, queue: ServiceQueue, typed: str | None
) -> None:
    deliver_history()
    before = every_row_version()
    answer(monkeypatch, typed)

    with pytest.raises(CommandError, match=r"^Nothing was done: .+\.$"):
        call_command("erase", f"--contact={URN}", f"--project={PROJECT}", stdout=io.StringIO())

    assert every_row_version() == before
    assert queue.pointers() == []


@pytest.mark.usefixtures("worker")
def test_yes_continues(monkeypatch: pytest.MonkeyPatch) -> None:
    deliver_history()
    answer(monkeypatch, "yes")

    call_command("erase", f"--contact={URN}", f"--project={PROJECT}", stdout=io.StringIO())

    assert URN not in everything()


@pytest.mark.parametrize(
    ("whom", "output"),
    [
        ({"project_uuid": "shop"}, '"shop" is not a UUID: write '),
        ({"contact": ""}, "--contact is empty"),
    ],
)
def test_an_invalid_contact_or_project_is_refused_with_a_sentence(
    whom: dict[str, Any], output: str
) -> None:
    project()
    assert output in refused(**whom)
    assert not Erasure.objects.exists()


def test_a_project_that_is_unknown_is_refused_with_a_sentence() -> None:
    unknown = uuid4()
    assert refused(project_uuid=unknown).startswith(f"There is no project {unknown}. ")


def test_a_file_that_cannot_be_written_is_reported_before_the_erasure(tmp_path: Path) -> None:
    deliver_history()
    assert "cannot be written" in refused("--lake-ids=/nonexistent/ids")
    assert "cannot be written: Is a directory." in refused(f"--lake-ids={tmp_path}")
    assert not Erasure.objects.exists()


def test_a_table_that_does_not_exist_is_reported(settings: Any) -> None:
    deliver_history()
    settings.DYNAMODB_MESSAGE_TABLE = "another_table"
    assert "DynamoDB does not have the table another_table" in refused()


@pytest.mark.usefixtures("worker")
def test_a_contact_without_data_is_blocked_and_its_dead_letters_are_deleted(
    dead_letters: Fifo,
) -> None:
    project()
    dead_letters.send(numbered_message(0), MessageGroupId="any")

    output = run()

    assert lines(output, heading="Removed")["dead letters"] == 1
    (tombstone,) = Erasure.objects.all()
    assert tombstone.erased_at is not None


@pytest.mark.usefixtures("worker")
def test_a_urn_may_have_blanks() -> None:
    deliver_history()

    run(contact=f" {URN} ")

    assert URN not in everything()


@pytest.mark.usefixtures("worker")
def test_logs_have_no_personal_data(caplog: pytest.LogCaptureFixture) -> None:
    deliver_history()
    with caplog.at_level(logging.INFO):
        run()

    assert caplog.records
    logged = str(
        [
            vars(record)
            for record in caplog.records
            if record.name.startswith(("operations", "tasks"))
        ]
    )
    assert str(PROJECT) in logged
    assert URN not in logged
