"""`manage.py dlq` shows dead letters, and redrives, discards and exports the selected ones."""

import io
import json
import logging
import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from apps.messages.dead_letter_format import place_of
from apps.messages.dead_letter_reasons import SENTENCES
from apps.messages.models import DeadLetter
from testbed.sqs.fifo import Fifo
from tests.support.builders import NOON, PROJECT, URN, message_body
from tests.support.dead_letters import (
    MAX_BYTES,
    bury,
    bury_numbered,
    collect,
    dead_letter_queue_of,
    kept,
    numbers,
)
from tests.support.service_queue import ServiceQueue

pytestmark = pytest.mark.django_db(transaction=True)

OTHER_PROJECT = UUID("5f0c2f3a-6b1d-4a57-9c39-000000000000")
STRING = {"DataType": "String", "StringValue": "message.received"}


@pytest.fixture(autouse=True)
def letters(queue: ServiceQueue, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Fifo]:
    """Return the dead-letter queue. The working directory is a new folder for files."""
    monkeypatch.chdir(tmp_path)
    with dead_letter_queue_of(queue, monkeypatch) as letters:
        yield letters


@pytest.fixture
def four(letters: Fifo) -> list[DeadLetter]:
    """Return four letters that differ in reason, project, group and time."""
    bury_numbered(letters, 0, reason="bug", group="one")
    bury_numbered(letters, 1, reason="lost", group="one")
    bury_numbered(letters, 2, reason="bug", group="two")
    document = json.loads(message_body(message={"id": "m-3"}))
    document["data"]["project_uuid"] = str(OTHER_PROJECT)
    bury(letters, json.dumps(document), group="two", sent_at=NOON + timedelta(days=1))
    return collect()


def dlq(*arguments: Any) -> str:
    """Run the command. Return its output."""
    output = io.StringIO()
    call_command("dlq", *map(str, arguments), stdout=output)
    return output.getvalue()


def refused(*arguments: Any) -> str:
    """Run a command that must fail. Return its error."""
    with pytest.raises(CommandError) as caught:
        dlq(*arguments)
    return str(caught.value)


def listed(*arguments: Any) -> list[int]:
    """Return the listed ids in order."""
    lines = dlq("list", *arguments).splitlines()
    return [int(line.split()[0]) for line in lines if line.strip()[0].isdigit()]


def answer(monkeypatch: pytest.MonkeyPatch, text: str | None) -> list[str]:
    """Answer each question with this text, or None for no answer. Return the list of questions."""
    asked: list[str] = []

    def type_in(question: str) -> str:
        asked.append(question)
        if text is None:
            raise EOFError
        return text

    monkeypatch.setattr("builtins.input", type_in)
    return asked


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ((), [0, 1, 2, 3]),
        (("--reason=bug",), [0, 2, 3]),
        (("--reason=nothing",), []),
        ((f"--project={PROJECT}",), [0, 1, 2]),
        ((f"--project={OTHER_PROJECT}",), [3]),
        (("--group=one",), [0, 1]),
        (("--since=2026-11-23T12:00:01",), [1, 2, 3]),
        (("--until=2026-11-23T13:00:01+01:00",), [0]),
        (("--since=2026-11-24", "--reason=lost"), []),
        (("--since=2026-11-24", "--reason=bug"), [3]),
    ],
)
def test_a_list_has_the_selected_letters_oldest_first(
    four: list[DeadLetter], filters: tuple[str, ...], expected: list[int]
) -> None:
    assert listed(*filters) == [four[place].pk for place in expected]


def test_a_list_names_its_columns(four: list[DeadLetter]) -> None:
    head, first, *_others = dlq("list").splitlines()

    assert re.split(r"  +", head) == ["id", "queued (UTC)", "reason", "project", "redriven"]
    shown = {"queued": "2026-11-23T12:00:00", "reason": "bug", "project": str(PROJECT)}
    for name, word in {**shown, "redriven": "waits"}.items():
        assert first.index(word) == head.index(name)


def test_a_list_is_not_wider_than_a_terminal(four: list[DeadLetter]) -> None:
    longest = max(SENTENCES, key=len)
    DeadLetter.objects.filter(pk=four[0].pk).update(id=999_999, reason=longest, redriven_at=NOON)

    lines = dlq("list", "--all").splitlines()

    assert longest in lines[1]
    assert lines[1].endswith("2026-11-23")
    assert max(map(len, lines)) <= 100


def test_a_list_says_whether_there_are_more_letters_or_none(four: list[DeadLetter]) -> None:
    assert "These are the first 2." in dlq("list", "--limit=2")
    assert "These are the first" not in dlq("list", "--limit=4")
    assert dlq("list", "--reason=nothing") == "No dead letter matches.\n"
    dlq("discard", "--every", "--yes")
    assert dlq("list") == "There are no dead letters.\n"


def test_a_list_leaves_out_redriven_letters_without_all(
    four: list[DeadLetter],
) -> None:
    dlq("redrive", four[0].pk, "--yes")

    assert listed() == [letter.pk for letter in four[1:]]
    assert listed("--all") == [letter.pk for letter in four]


def test_show_prints_the_body_only_with_the_option(letters: Fifo) -> None:
    text = message_body(message={"text": "\x1b[31m hello \N{PILE OF POO}"})
    bury(letters, text, reason="bug", attributes={"event_type": STRING})
    (letter,) = collect()

    output = dlq("show", letter.pk)

    assert letter.message_id in output
    assert "reason              bug" in output
    assert f"place               {place_of(letter)}" in output
    assert "hello" not in output
    assert dlq("show", letter.pk, "--body") == text + "\n"


def test_control_characters_of_a_body_are_escaped(letters: Fifo) -> None:
    bury(letters, "a\x9b31m\N{RIGHT-TO-LEFT OVERRIDE}b\tc\n")
    (letter,) = collect()

    assert dlq("show", letter.pk, "--body") == "a\\u009b31m\\u202eb\tc\n"


@pytest.mark.parametrize("action", ["show", "redrive", "discard"])
def test_an_unknown_id_is_reported(four: list[DeadLetter], action: str) -> None:
    assert "There is no dead letter 123456789. " in refused(action, 123456789)


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (("list", "--project=shop"), '"shop" is not a UUID: write '),
        (("list", "--since=yesterday"), '"yesterday" is not a time'),
        (("list", "--limit=0"), '"0" is not a number of letters'),
        (
            ("list", "--since=2026-11-24", "--until=2026-11-24T00:00"),
            "--since must be before --until.",
        ),
        (("redrive", "--every", "--rate=0"), '"0" is not a rate'),
        (("redrive", "--every", "--rate=nan"), '"nan" is not a rate'),
        (("show", "one"), '"one" is not the id of a dead letter'),
        (("list", "--reason", "\udcff"), "is not text: write it in UTF-8."),
        (("list", "--group", "\udcff"), "is not text: write it in UTF-8."),
    ],
)
def test_invalid_arguments_are_refused_with_a_sentence(
    arguments: tuple[str, ...], output: str
) -> None:
    assert output in refused(*arguments)


def test_only_the_file_of_an_export_is_required() -> None:
    assert refused("export") == "Error: the following arguments are required: file"


@pytest.mark.parametrize("action", ["redrive", "discard"])
def test_nothing_is_changed_without_a_filter_or_every(four: list[DeadLetter], action: str) -> None:
    assert refused(action, "--yes").startswith("Select letters by id")
    assert refused(action, "--all", "--yes").startswith("Select letters by id")
    assert listed() == [letter.pk for letter in four]


@pytest.mark.parametrize("action", ["redrive", "discard"])
def test_nothing_is_changed_with_both_a_filter_and_every(
    four: list[DeadLetter], action: str
) -> None:
    for selection in (four[0].pk, "--reason=bug"):
        assert refused(action, selection, "--every", "--yes").endswith(
            "or pass --every without any of them."
        )
    assert listed() == [letter.pk for letter in four]


@pytest.mark.parametrize("action", ["redrive", "discard"])
@pytest.mark.parametrize("typed", ["no", "", "yeah", None])
def test_nothing_is_changed_unless_the_answer_is_yes(
    four: list[DeadLetter],
    queue: ServiceQueue,
    monkeypatch: pytest.MonkeyPatch,
    action: str,
    typed: str | None,
) -> None:
    answer(monkeypatch, typed)

    assert refused(action, "--every").startswith("Nothing was done: ")

    assert listed() == [letter.pk for letter in four]
    assert queue.deliveries() == []
    assert list(Path.cwd().iterdir()) == []


def test_the_question_has_the_number_of_letters_and_yes_continues(
    four: list[DeadLetter], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = answer(monkeypatch, "yes")

    assert "4 of 4 redriven." in dlq("redrive", "--every")
    assert asked == [
        "This sends 4 dead letters of 2 groups to the events' queue again. Continue? [y/N] "
    ]


def test_one_letter_or_many_can_be_redriven(four: list[DeadLetter], queue: ServiceQueue) -> None:
    assert dlq("redrive", four[1].pk, "--yes") == "1 of 1 redriven.\n"
    assert numbers([one.body for one in queue.deliveries()]) == ["m-1"]

    assert dlq("redrive", "--reason=bug", f"--project={PROJECT}", "--yes") == "2 of 2 redriven.\n"
    assert sorted(numbers([one.body for one in queue.deliveries()])) == ["m-0", "m-2"]
    assert listed() == [four[3].pk]


def test_a_redriven_letter_is_redriven_again_only_with_all(
    four: list[DeadLetter], queue: ServiceQueue
) -> None:
    dlq("redrive", "--every", "--yes")

    assert dlq("redrive", "--every", "--yes") == "There is nothing to redrive.\n"
    assert "Pass --all to select it again." in refused("redrive", four[0].pk, "--yes")
    assert dlq("redrive", four[0].pk, "--all", "--yes") == "1 of 1 redriven.\n"

    assert len(queue.deliveries()) == 5


def test_progress_is_printed(four: list[DeadLetter], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("operations.management.commands.dlq.PROGRESS_INTERVAL", 0)

    output = dlq("redrive", "--every", "--yes", "--rate=1000")

    assert output.splitlines() == ["2 of 4 redriven", "4 of 4 redriven", "4 of 4 redriven."]


def test_refused_letters_and_later_letters_of_their_groups_are_reported(letters: Fifo) -> None:
    bury(letters, "x" * MAX_BYTES, group="one")
    bury(letters, group="one", sequence_number=10**38)
    _behind, large = collect()

    output = refused("redrive", "--every", "--yes")

    assert f"{large.pk} was not redriven: too large" in output
    assert "Not tried: 1 later letter of the same groups." in output


def test_an_outage_is_reported_and_the_next_run_continues(
    four: list[DeadLetter], queue: ServiceQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue.strict.fail(status=400, code="AccessDenied")
    try:
        output = refused("redrive", "--every", "--yes")
    finally:
        queue.strict.clear_faults()
    assert output == "SQS is unavailable: AccessDenied. Run this again later to continue."

    assert "4 of 4 redriven." in dlq("redrive", "--every", "--yes")


def test_an_unavailable_postgresql_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_selection: Any) -> None:
        raise OperationalError

    monkeypatch.setattr("operations.management.commands.dlq.select", refuse)

    assert refused("list").startswith("PostgreSQL cannot be used")


def test_discarding_leaves_an_export_that_only_its_owner_may_read(
    four: list[DeadLetter], tmp_path: Path
) -> None:
    old = os.umask(0)
    try:
        output = dlq("discard", "--reason=bug", "--yes")
    finally:
        os.umask(old)

    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert f"3 were exported to {file.name}." in output
    assert "3 were discarded." in output
    exported = [json.loads(line) for line in file.read_text().splitlines()]
    assert numbers([one["body"] for one in exported]) == ["m-0", "m-2", "m-3"]
    assert [one["message_id"] for one in exported] == [four[n].message_id for n in (0, 2, 3)]
    assert listed() == [four[1].pk]


def test_no_letter_is_discarded_if_its_export_cannot_be_written(
    four: list[DeadLetter], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "there"
    there.write_text("mine")
    assert "cannot be written" in refused("discard", "--every", "--yes", f"--export={there}")
    assert there.read_text() == "mine"
    assert "cannot be written" in refused("discard", "--every", "--yes", "--export=/no/where")

    def fail(_letter: DeadLetter) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tasks.deadletters.export.json_line", fail)
    assert "No space left" in refused("discard", "--every", "--yes", "--export=full")
    assert [path.name for path in Path.cwd().iterdir()] == ["there"]
    assert listed() == [letter.pk for letter in four]


def test_an_export_has_the_original_bodies(letters: Fifo, tmp_path: Path) -> None:
    bodies = [message_body(message={"text": "\x00 \ud83d"}), "not JSON \N{PILE OF POO} \\u0000"]
    for number, text in enumerate(bodies):
        bury(letters, text, sent_at=NOON + timedelta(seconds=number))
    collect()

    assert dlq("export", "out", "--reason=bug") == "2 were exported to out.\n"

    lines = (tmp_path / "out").read_text().splitlines()
    assert [json.loads(line)["body"] for line in lines] == bodies
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o600
    assert len(kept()) == 2


def test_one_letter_is_exported_and_discarded_in_the_singular(letters: Fifo) -> None:
    bury_numbered(letters, 0)
    collect()

    assert dlq("export", "out") == "1 was exported to out.\n"
    assert dlq("discard", "--every", "--yes", "--export=file") == (
        "1 was exported to file.\n1 was discarded.\n"
    )


def test_a_second_discard_finds_nothing(four: list[DeadLetter]) -> None:
    dlq("discard", "--every", "--yes", "--export=one")
    assert dlq("discard", "--every", "--yes", "--export=two") == "There is nothing to discard.\n"
    assert [path.name for path in Path.cwd().iterdir()] == ["one"]


def test_output_and_logs_have_no_personal_data(
    four: list[DeadLetter], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="tasks"):
        output = dlq("list")
        output += dlq("redrive", four[0].pk, "--yes")
        output += dlq("discard", "--every", "--yes")

    logged = str([vars(record) for record in caplog.records])
    assert "redriven" in logged
    assert "dead_letters_discarded" in logged
    assert URN not in logged + output
    assert "Ana" not in logged + output
