"""The status as JSON and in a terminal."""

import io
import json
import re
from datetime import timedelta
from typing import Any

from rich.console import Console

from operations.status.document import as_json
from operations.status.lines import State
from operations.status.reading import Readings
from operations.status.tables import tables
from operations.status.terminal import show
from tests.support.status_readings import (
    ONE,
    SILENT,
    healthy,
    heartbeat,
    held,
    judged,
    pending,
    schedules,
)
from tests.support.worker_reports import QUEUE

NAMES = [
    *("workers", "control_broker", "receiving", "circuit", "set_aside", "sqs_calls"),
    *("held_events", "queue", "dead_letter_queue", "dead_letters", "closings", "archives"),
    *("erasures", "outbox", "data_lake", "beat", "version"),
]
OF_A_LOST_WORKER = ([heartbeat(ONE, age=timedelta(minutes=2))], "")
# The last words of names of numbers that are counts, and so have no unit.
COUNTS = re.compile(
    r"seconds|messages|tasks|running|circuits|waiting|overdue|late|claimed|rerun|attempts|events"
    r"|archived|erased|refused|hour|parked"
)


def document(readings: Readings) -> dict[str, Any]:
    return dict(json.loads(as_json(judged(readings))))


def shown(readings: Readings, *, width: int = 80, terminal: bool = False) -> str:
    output = io.StringIO()
    console = Console(file=output, width=width, force_terminal=terminal, highlight=False)
    show(judged(readings), console=console)
    return output.getvalue()


def test_the_names_of_the_json_document_are_stable() -> None:
    for readings in (healthy(), healthy(queues=SILENT, stats=SILENT, pending=SILENT)):
        found = document(readings)
        assert found.keys() == {"state", "read_at", "read_within_seconds", "lines"}
        assert [line["name"] for line in found["lines"]] == NAMES
        for line in found["lines"]:
            assert line.keys() == {"name", "title", "state", "sentence", "command", "values"}
            assert line["state"] in list(State)


def numbers(value: Any, name: str = "") -> list[str]:
    """Return the names of all numbers in a document, except those that are keys of a reason."""
    match value:
        case dict():
            inner = {name: one for name, one in value.items() if name != "by_reason"}
            return [found for name, one in inner.items() for found in numbers(one, name)]
        case list():
            return [found for one in value for found in numbers(one, name)]
        case bool() | None | str():
            return []
        case _:
            return [name]


def test_the_names_of_numbers_have_a_unit_or_say_what_is_counted() -> None:
    names = set(numbers(document(healthy(held=held(60), pending=pending(bug=1)))))

    assert len(names) > 20
    assert {name for name in names if not COUNTS.search(name)} == set()


def test_the_terminal_shows_each_line_with_its_state_as_a_word_and_without_colours_in_a_file() -> (
    None
):
    output = shown(healthy(pending=pending(bug=1)))

    assert "\x1b" not in output
    words = " ".join(output.split())
    assert words.startswith("WARNING 0 bad, 1 warning, 0 unknown, 16 good")
    assert "warning Dead letters 1 dead letter waits for a decision" in words
    assert "good Workers 1 running, by remote control: celery@one." in words


def test_a_terminal_shows_colours() -> None:
    assert "\x1b[" in shown(healthy(), terminal=True)


def test_the_lines_fit_80_columns_and_commands_are_not_wrapped() -> None:
    output = shown(healthy(stats={}, held=held(60), heartbeats=OF_A_LOST_WORKER))

    commands = [line for line in output.splitlines() if line.startswith("    ")]
    assert "    ps -ewwo pid,stat,etime,args | grep '[c]elery.* worker'" in commands
    assert all(len(line) <= 80 for line in output.splitlines() if line not in commands)


def test_the_commands_of_bad_lines_come_first() -> None:
    output = shown(healthy(pending=pending(bug=1), stats={}, heartbeats=OF_A_LOST_WORKER))

    advice = output.partition("What to do:")[2]
    assert advice.index("ps -ewwo") < advice.index("manage.py dlq list")


def test_held_events_are_shown_with_their_group_reason_time_and_failed_runs() -> None:
    output = " ".join(shown(healthy(held=held(60, total=12)), width=160).split())

    assert "Events that wait for a rerun: the first 1 of 12" in output
    row = "a1b2c3 bug store.py:118 put > KeyError 2026-11-23 02:59:00 4 celery@one"
    assert row in output


def test_the_hash_of_a_group_is_not_wrapped() -> None:
    group = "8fc15c3d06c7708b"
    answers = held(60)
    answers[ONE][QUEUE]["events"][0]["labels"]["group"] = group

    output = shown(healthy(held=answers))

    assert group in output
    assert max(map(len, output.splitlines())) <= 80


def test_only_tables_with_rows_are_shown() -> None:
    assert [table.name for table in tables(judged(healthy()))] == ["workers", "beat"]
    silent = healthy(stats=SILENT, heartbeats=SILENT, schedules=SILENT, pending=SILENT)
    assert tables(judged(silent)) == []


def test_every_row_of_a_table_has_a_cell_for_each_head() -> None:
    readings = healthy(held=held(60), pending=pending(bug=2), schedules=schedules())

    for table in tables(judged(readings)):
        assert {len(row) for row in table.rows} == {len(table.head)}
