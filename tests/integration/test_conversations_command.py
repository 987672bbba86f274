"""`manage.py conversations` requests changes, prints their results, and shows conversations."""

import io
import json
import time
from collections.abc import Callable
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from apps.conversations.models import Conversation, Resolution
from apps.messages import deletions, message_table
from apps.messages.archiving import migrate
from apps.messages.entries import MessageEntry
from apps.messages.statuses import MessageStatus, status_items
from operations import conversation_requests
from operations.management.commands import conversations as command
from tests.support.builders import (
    NOON,
    URN,
    contact,
    conversation,
    found,
    noise,
    place,
    target,
)
from tests.support.closings import MINUTE, at, closing_at, current, write
from tests.support.console import HOSTILE_NAME, HOSTILE_TEXT, made_chat, made_shop
from tests.support.service_queue import ServiceQueue
from tests.support.stored import every_item, every_row_version

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("aws")]

MIDNIGHT = datetime.fromisoformat("2099-11-24T03:00:00+00:00")


def run(action: str, *arguments: Any) -> str:
    """Run the command. Return its output and its errors as one text."""
    output = io.StringIO()
    call_command("conversations", action, *map(str, arguments), stdout=output, stderr=output)
    return output.getvalue()


def refused(action: str, *arguments: Any) -> CommandError:
    """Run a command that must fail. Return its error."""
    with pytest.raises(CommandError) as refusal:
        run(action, *arguments)
    assert str(refusal.value).endswith(".")
    return refusal.value


def raw_lines(chat: Conversation) -> list[dict[str, Any]]:
    """Return what `show --raw` prints."""
    return [json.loads(line) for line in run("show", chat.uuid, "--raw").rstrip("\n").split("\n")]


def keep_status(chat: Conversation, message: MessageEntry) -> None:
    """Store that a message was read."""
    status = MessageStatus(
        target=target(chat.uuid, home=chat.group_id),
        identity=f"received:{message.message_id}",
        status="read",
        place=message.place,
    )
    message_table.put_all(status_items([status], now=NOON))


@pytest.fixture
def worker(queue: ServiceQueue, monkeypatch: pytest.MonkeyPatch) -> ServiceQueue:
    """Run the tasks on the queue while the command waits."""
    waiting = SimpleNamespace(monotonic=time.monotonic, sleep=lambda _seconds: queue.work())
    monkeypatch.setattr(conversation_requests, "time", waiting)
    return queue


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """Return a function that sets the answer to each question and returns the list of questions."""

    def answering(text: str) -> list[str]:
        questions: list[str] = []

        def ask(question: str) -> str:
            questions.append(question)
            if text == "nobody":
                raise EOFError
            return text

        monkeypatch.setattr("builtins.input", ask)
        return questions

    return answering


def ended() -> Conversation:
    """Return a conversation that is closed and archived."""
    chat = conversation(resolution=Resolution.RESOLVED, opened_at=NOON - 2 * MINUTE, ended_at=NOON)
    write(chat, created_at=NOON - MINUTE)
    migrate(conversation_uuid=chat.uuid, now=NOON)
    return chat


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("resolution", ["resolved", "unresolved", "unclassified", "has_chat_room"])
def test_close_waits_and_reports_that_the_conversation_is_closed(resolution: str) -> None:
    chat = closing_at(MIDNIGHT, opened_at=NOON)
    write(chat, created_at=NOON)

    output = run("close", chat.uuid, "--resolution", resolution, "--yes")

    assert current(chat).resolution == Resolution[resolution.upper()]
    assert output.startswith(f"Done: {chat.uuid} was closed as {resolution.replace('_', ' ')} at ")
    assert output.endswith("and is archived.\n")
    assert current(chat).message_count == 1


@pytest.mark.usefixtures("worker")
def test_reopen_waits_and_reports_that_the_conversation_is_in_progress() -> None:
    chat = ended()

    output = run("reopen", chat.uuid, "--yes")

    assert output.startswith(f"Done: {chat.uuid} is in progress, and closes at ")
    assert current(chat).resolution == Resolution.IN_PROGRESS


def test_a_conversation_can_be_closed_and_reopened_several_times(worker: ServiceQueue) -> None:
    chat = closing_at(MIDNIGHT, opened_at=NOON)
    for _ in range(2):
        run("close", chat.uuid, "--yes")
        run("reopen", chat.uuid, "--yes")
    assert current(chat).resolution == Resolution.IN_PROGRESS


def test_a_reopening_that_the_worker_refuses_is_reported(
    worker: ServiceQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = ended()
    work = worker.work

    def message_comes_first() -> list[str]:
        found(sent_at=NOON + MINUTE)
        return work()

    monkeypatch.setattr(worker, "work", message_comes_first)

    # This is before the closing time of the conversation that the message opens.
    with at(NOON + MINUTE):
        refusal = refused("reopen", chat.uuid, "--yes")

    assert "was not reopened" in str(refusal)
    assert refusal.returncode == 1
    assert current(chat).resolution == Resolution.RESOLVED


def test_without_waiting_the_command_only_stores_the_request_and_sends_a_tick(
    queue: ServiceQueue,
) -> None:
    chat = closing_at(MIDNIGHT, opened_at=NOON)

    assert "is stored." in run("close", chat.uuid, "--yes", "--wait", 0)

    assert current(chat).resolution == Resolution.IN_PROGRESS
    assert current(chat).requested_resolution == Resolution.UNCLASSIFIED
    assert queue.work() == ["close_due_conversations", "close_conversation"]


@pytest.mark.usefixtures("queue")
def test_a_request_that_is_not_done_in_time_stays_stored() -> None:
    chat = closing_at(MIDNIGHT, opened_at=NOON)

    refusal = refused("close", chat.uuid, "--yes", "--wait", "0.1")

    assert "The request was not carried out within 0.1 seconds. It is still" in str(refusal)
    assert refusal.returncode == command.EXIT_NOT_DONE
    assert current(chat).requested_resolution == Resolution.UNCLASSIFIED


def test_a_request_stays_stored_if_the_queue_is_unavailable(queue: ServiceQueue) -> None:
    chat = closing_at(MIDNIGHT, opened_at=NOON)
    queue.strict.fail(status=400, code="AccessDenied")

    output = run("close", chat.uuid, "--yes", "--wait", 0)

    queue.strict.clear_faults()
    assert "beat sends it within a minute" in output
    assert current(chat).requested_resolution == Resolution.UNCLASSIFIED


@pytest.mark.parametrize("action", ["close", "reopen", "show"])
def test_an_unknown_conversation_is_reported(action: str) -> None:
    unknown = uuid4()

    assert str(refused(action, unknown)).startswith(f"There is no conversation {unknown}. ")
    assert str(refused(action, "12")).startswith('"12" is not a UUID: write ')


@pytest.mark.usefixtures("queue")
def test_an_impossible_request_is_refused_and_stores_nothing() -> None:
    chat, closed = closing_at(MIDNIGHT, opened_at=NOON), ended()
    before = every_row_version()

    assert "is closed already, as resolved" in str(refused("close", closed.uuid, "--yes"))
    assert "is in progress" in str(refused("reopen", chat.uuid, "--yes"))
    assert f"while {chat.uuid}" in str(refused("reopen", closed.uuid, "--yes"))

    assert every_row_version() == before


@pytest.mark.usefixtures("queue")
@pytest.mark.parametrize("text", ["", "n", "maybe", "nobody"])
def test_nothing_is_requested_unless_the_answer_is_yes(
    answer: Callable[[str], list[str]], text: str
) -> None:
    questions = answer(text)
    chat = closing_at(MIDNIGHT, opened_at=NOON)
    before = every_row_version()

    assert str(refused("close", chat.uuid)).startswith("Nothing was done")

    assert every_row_version() == before
    (question,) = questions
    assert question == (
        f"This closes {chat.uuid} as unclassified; it is in progress, and closes at "
        "2099-11-24T03:00:00+00:00. Continue? [y/N] "
    )


@pytest.mark.usefixtures("worker")
def test_the_request_is_done_if_the_answer_is_yes(answer: Callable[[str], list[str]]) -> None:
    answer("Yes")
    chat = closing_at(MIDNIGHT, opened_at=NOON)

    run("close", chat.uuid)

    assert current(chat).resolution == Resolution.UNCLASSIFIED


@pytest.mark.parametrize("wait", ["-1", "soon", "nan", "86401"])
def test_an_invalid_wait_is_refused(wait: str) -> None:
    with pytest.raises(CommandError, match="is not a number of seconds"):
        run("close", uuid4(), "--wait", wait)


def test_show_prints_a_conversation_without_its_contact() -> None:
    chat = closing_at(
        MIDNIGHT, contact_name="Ana", nps=0, external_id="w-7", window_end=NOON, ticket_uuid="t-1"
    )
    write(chat, created_at=NOON, message_id="m-1")
    migrate(conversation_uuid=chat.uuid, now=NOON)
    write(chat, created_at=NOON + MINUTE, message_id="m-2")

    facts = dict(line.split(maxsplit=1) for line in run("show", chat.uuid).splitlines())

    output = run("show", chat.uuid)
    assert "2099-11-24T03:00:00+00:00, 2099-11-24T00:00:00-03:00 in America/Sao_Paulo" in output
    assert facts["messages"] == "1 archived, 1 only in DynamoDB"
    assert (facts["CSAT"], facts["NPS"]) == ("-", "0")
    assert facts["resolution"] == "in progress"
    assert facts["requested"] == "nothing"
    assert (facts["ticket"], facts["agent"]) == ("t-1", "-")
    assert "window id           w-7" in output
    assert "window ends at      2026-11-23T12:00:00+00:00" in output
    assert "human took over     no" in output
    assert "Ana" not in output
    assert URN not in output


def test_show_prints_archived_and_stored_messages_once_and_oldest_first() -> None:
    chat = closing_at(MIDNIGHT, opened_at=NOON)
    write(chat, created_at=NOON, message_id="m-1")
    write(chat, created_at=NOON + 2 * MINUTE, message_id="m-3")
    migrate(conversation_uuid=chat.uuid, now=NOON)
    write(chat, created_at=NOON, message_id="m-1")
    write(chat, created_at=NOON + MINUTE, message_id="m-2", text="line\u2028end 😕")
    write(chat, created_at=NOON + 3 * MINUTE, message_id="m-1", text="edited")

    lines = run("show", chat.uuid, "--json").rstrip("\n").split("\n")

    first, second, third = map(json.loads, lines)
    assert [one["id"] for one in (first, second, third)] == ["m-1", "m-2", "m-3"]
    assert [one["message"]["text"] for one in first["edits"]] == ["edited"]
    assert second["message"]["text"] == "line\u2028end 😕"
    migrate(conversation_uuid=chat.uuid, now=NOON)
    assert run("show", chat.uuid, "--json").rstrip("\n").split("\n") == lines


def test_show_prints_the_transcript_as_the_console_shows_it() -> None:
    made_shop()
    chat = made_chat(at=NOON, name=HOSTILE_NAME)

    lines = run("show", chat.uuid, "--messages").splitlines()

    assert lines[0] == "Times are in America/Sao_Paulo."
    edited = lines.index('09:01 <script>alert("name")</script>\\u202eeman (edited)')
    assert lines[edited + 1 : edited + 5] == [
        "    Where is my order 1042? 📦",
        '    👍🏽 <script>alert("name")</script>\\u202eeman 09:09, until 09:09',
        f'    {HOSTILE_TEXT} <script>alert("name")</script>\\u202eeman 09:09',
        "    Earlier, 09:01: Where is my ordr 1042?",
    ]
    for line in (
        "--- Monday, 23 November 2026 ---",
        "09:00 Platform",
        "    It left our warehouse today.",
        "    You will have it on Friday.",
        "    [Image] https://media.example.org/1.jpg?x=1",
        "    [Location] Loja",
        "    -23.5505199, -46.63330941",
        "    To a message that is not here: of-another-page",
        '    Other fields: {"interactive":{"list_reply":{"id":"r2"}}}',
        "--- CSAT answer: 5, 09:20 ---",
        "--- Closed: resolved, 09:30 ---",
    ):
        assert line in lines, line
    assert len([line for line in lines if line.endswith("(possible retry)")]) == 1


def test_show_raw_prints_the_stored_items_decompressed() -> None:
    chat = closing_at(MIDNIGHT, opened_at=NOON)
    long, large = "Olá! \u2028" * 300, noise(900_000)
    texts = ("short", long, large)
    written = [
        write(chat, created_at=NOON + number * MINUTE, message_id=f"m-{number}", text=text)
        for number, text in enumerate(texts)
    ]
    keep_status(chat, written[0])

    *messages, status = raw_lines(chat)

    heads, chunks = messages[:3], messages[3:]
    home = chat.group_id
    assert [one["entry"] for one in heads] == [one.as_json(home=home) for one in written]
    assert [one["message_key"] for one in heads] == [one.key(home=home) for one in written]
    assert [one.get("dictionary") for one in heads] == [None, 1, 1]
    assert [one.get("chunks") for one in heads] == [None, None, len(chunks)]
    assert {one["chunk"] for one in chunks[:-1]} == {"300000 bytes"}
    assert (status["message"], status["status"]) == ("received:m-0", "read")
    migrate(conversation_uuid=chat.uuid, now=NOON)
    assert raw_lines(chat) == [*messages, status]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"dictionary": {"N": "7"}}, "compressed with dictionary 7, which this release does not"),
        ({"entry": {"B": b"damaged"}}, "its data is damaged"),
    ],
    ids=["an unknown dictionary", "damaged"],
)
def test_show_raw_names_the_items_that_cannot_be_read_and_prints_the_others(
    change: dict[str, Any], problem: str
) -> None:
    chat = closing_at(MIDNIGHT, opened_at=NOON)
    write(chat, created_at=NOON, message_id="m-1", text="Olá! " * 300)
    write(chat, created_at=NOON + MINUTE, message_id="m-2")
    (item, _) = every_item()
    message_table.put({**item, **change})

    first, second = raw_lines(chat)

    assert problem in first["unreadable"]
    assert first["entry"].endswith(" bytes")
    assert second["entry"]["id"] == "m-2"
    for option in ("--json", "--messages"):
        error = str(refused("show", chat.uuid, option))
        assert error.startswith(f"Item {item['message_key']['S']} of conversation {chat.uuid} is")
        assert problem in error
        assert "Olá" not in error


def test_show_raw_prints_nothing_for_a_conversation_without_items() -> None:
    assert run("show", closing_at(MIDNIGHT).uuid, "--raw") == ""


def test_a_deleted_message_is_printed_without_its_content() -> None:
    chat = closing_at(MIDNIGHT, opened_at=NOON)
    write(chat, created_at=NOON, message_id="m-1", text="secret")
    deletions.record(contact=contact(), identity="received:m-1", place=place(), now=NOON)

    output = run("show", chat.uuid, "--messages")

    assert "(deleted by its author on 2026-11-23 09:00)" in output
    assert "secret" not in output


def test_a_table_that_does_not_exist_is_reported_with_what_to_do(settings: Any) -> None:
    chat = conversation()
    settings.DYNAMODB_MESSAGE_TABLE = "nope"

    assert str(refused("show", chat.uuid)) == (
        "DynamoDB does not have the table nope in us-east-1. Check DYNAMODB_MESSAGE_TABLE and "
        "DYNAMODB_REGION, or create the table: run `python manage.py provision`."
    )
