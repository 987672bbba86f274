"""`manage.py events` says what would become of events, without a server or a database."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.support.builders import (
    close_body,
    deletion_body,
    message_body,
    status_body,
    survey_body,
    window_body,
)

Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file, and returns its name."""

    def write(*lines: str) -> str:
        path = tmp_path / "events.jsonl"
        path.write_text("\n".join(lines), encoding="utf-8")
        return str(path)

    return write


def checked(name: str) -> list[str]:
    """Return what the command prints about a file without malformed events."""
    out = io.StringIO()
    call_command("events", "check", name, stdout=out)
    return out.getvalue().splitlines()


def refused(name: str) -> tuple[list[str], str]:
    """Return what the command prints about a file, and the sentence with which it fails."""
    out = io.StringIO()
    with pytest.raises(CommandError) as error:
        call_command("events", "check", name, stdout=out)
    return out.getvalue().splitlines(), str(error.value)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (message_body(), "message.received: stored, at 2026-11-23T12:00:00.000000Z"),
        (message_body(message={"created_at": ""}), "message.received: stored, at its queue time"),
        (
            message_body(message={"created_at": "2099-01-01T00:00:00Z"}),
            "stored, at its queue time, because 2099-01-01T00:00:00Z is not plausible",
        ),
        (survey_body(value="4"), "message.received: CSAT score 4; not part of the transcript"),
        (survey_body(key="weni_nps", value="11"), "NPS answer without a score: out_of_range; "),
        (survey_body(key="comment", value="slow"), "an answer to another question"),
        (deletion_body(), "message.deleted: removes the content of a received message"),
        (window_body(), "conversation.window: stored with the conversation in progress"),
        (window_body(data={"has_chats_room": True}), "conversation.window: a human takes over"),
        (close_body(resolution=3), "closes the conversation in progress as unclassified"),
        (status_body(), "message.status: counted, and dropped"),
    ],
)
def test_an_accepted_event_has_a_sentence(write: Write, body: str, sentence: str) -> None:
    line, total = checked(write(body))

    assert line.startswith("line 1: ")
    assert sentence in line
    assert total == "1 event, none of which would be quarantined."


def test_a_malformed_event_has_its_reason_and_the_command_fails(write: Write) -> None:
    lines, failure = refused(
        write(message_body(), "not JSON", "", message_body(message={"created_at": "yesterday"}))
    )

    assert lines[1] == "line 2: quarantined as not_json: the body is not JSON: see line 1, column 1"
    assert lines[2].startswith("line 4: quarantined as malformed_field: data.message.created_at")
    assert failure == "Of 3 events, 2 would be quarantined: malformed_field 1, not_json 1."


def test_a_line_may_be_a_message_for_sqs(write: Write) -> None:
    message = {"name": "the first", "MessageBody": message_body(), "MessageGroupId": "group"}

    line, _ = checked(write(json.dumps(message)))

    assert line.startswith("line 1 (the first): message.received: stored")


def test_a_file_may_be_one_event_in_several_lines(write: Write) -> None:
    line, _ = checked(write("", json.dumps(json.loads(close_body()), indent=2)))

    assert line.startswith("line 2: conversation.close: ")


def test_a_celery_message_would_be_quarantined(write: Write) -> None:
    (line,), _ = refused(write(json.dumps({"headers": {"task": "orders.purge"}, "body": ""})))

    assert line.startswith("line 1: quarantined as not_allowed: ")


def test_the_output_has_no_content_of_an_event(write: Write) -> None:
    body = message_body(message={"text": "a secret", "contact_name": "Zoe", "id": ["a secret"]})

    (line,), failure = refused(write(body))

    assert "secret" not in line + failure


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ((), "{file} has no events."),
        (("", " "), "{file} has no events."),
    ],
)
def test_a_file_without_events_is_refused(
    write: Write, lines: tuple[str, ...], sentence: str
) -> None:
    name = write(*lines)

    _, failure = refused(name)

    assert failure.startswith(sentence.format(file=name))


@pytest.mark.parametrize("body", [None, 1, True, [], {}])
def test_a_line_whose_body_is_no_text_is_refused(write: Write, body: Any) -> None:
    _, failure = refused(write(message_body(), json.dumps({"MessageBody": body})))

    assert failure.startswith("Line 2: MessageBody is not a text; ")


@pytest.mark.parametrize(
    "attribute",
    [
        "message.received",
        "",
        None,
        1,
        [],
        {},
        {"DataType": "String", "StringValue": 1},
        {"DataType": "String", "StringValue": None},
    ],
)
def test_a_line_with_an_attribute_that_has_no_text_is_refused(write: Write, attribute: Any) -> None:
    message = {"MessageBody": message_body(), "MessageAttributes": {"event_type": attribute}}

    _, failure = refused(write(json.dumps(message)))

    assert failure == (
        "Line 1: the message attribute event_type has no text; "
        'write {"DataType": "String", "StringValue": "…"}.'
    )


@pytest.mark.parametrize("attributes", ["event_type", "", 1, False, [], ["event_type"]])
def test_a_line_whose_attributes_are_no_object_is_refused(write: Write, attributes: Any) -> None:
    message = {"MessageBody": message_body(), "MessageAttributes": attributes}

    _, failure = refused(write(json.dumps(message)))

    assert failure.startswith("Line 1: MessageAttributes is not an object ")


@pytest.mark.parametrize(
    "attributes",
    [
        None,
        {},
        {"event_type": {"DataType": "String", "StringValue": "message.received"}},
        {"trace": {"DataType": "Binary", "BinaryValue": "AA=="}},
    ],
)
def test_a_line_with_other_attributes_is_checked(write: Write, attributes: Any) -> None:
    message = {"MessageBody": message_body(), "MessageAttributes": attributes}

    line, _ = checked(write(json.dumps(message)))

    assert line.startswith("line 1: message.received: stored")


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes("{'é'}".encode("latin-1"))

    assert (
        refused(f"{tmp_path}/no")[1] == f"{tmp_path}/no cannot be read: No such file or directory."
    )
    assert refused(str(tmp_path))[1] == f"{tmp_path} cannot be read: Is a directory."
    assert refused(f"{tmp_path}/latin")[1] == f"{tmp_path}/latin is not text in UTF-8."


def test_the_asyncapi_document_is_printed() -> None:
    out = io.StringIO()

    call_command("events", "schema", stdout=out)

    assert json.loads(out.getvalue())["asyncapi"] == "3.0.0"


def test_the_contract_is_written_into_a_folder(tmp_path: Path) -> None:
    out = io.StringIO()

    call_command("events", "schema", write=tmp_path, stdout=out)
    call_command("events", "schema", write=tmp_path, stdout=out)

    first, second = out.getvalue().splitlines()
    assert first.startswith("Changed: asyncapi.json, message.received.json, ")
    assert second == "Nothing has changed."


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(CommandError, match="cannot be written: "):
        call_command("events", "schema", write=tmp_path / "file" / "folder")
