"""The examples and reference tables of the documentation match the code."""

import ast
import re
from dataclasses import MISSING, Field, fields
from datetime import UTC, datetime
from typing import Any

import pytest

import celery_sqs_fifo
from apps.messages import adapters
from apps.messages.event_types import EVENT_TYPES
from apps.messages.producer_problems import MALFORMED_REASONS, Problem
from apps.messages.reading import parse_event
from celery_sqs_fifo import EventRules, Options, Result
from celery_sqs_fifo.running import task
from tests.support.builders import place
from tests.support.pages import ROOT, code_of, fenced, page, table_of, tables

LIBRARY = "celery_sqs_fifo/README.md"


def test_the_table_of_options_matches_the_code() -> None:
    documented = [row[:2] for row in table_of(page(LIBRARY), head="Option")]

    assert documented == [[f"`{field.name}`", default_of(field)] for field in fields(Options)]


def default_of(field: "Field[Any]") -> str:
    """Return a default as it is written in Python."""
    if field.default is MISSING:
        return "required"
    return f'`"{field.default}"`' if isinstance(field.default, str) else f"`{field.default!r}`"


def test_the_table_of_results_matches_the_code() -> None:
    documented = [row[0].strip("`") for row in table_of(page(LIBRARY), head="`Result`")]

    assert documented == [result.name for result in Result]


def test_every_refused_argument_is_named() -> None:
    refused = " ".join(row[0] for row in table_of(page(LIBRARY), head="use"))

    assert set(task.UNSUPPORTED_OPTIONS) <= set(re.findall(r"\w+", refused))


def test_the_table_of_rules_matches_the_code() -> None:
    documented = [row[0].strip("`") for row in table_of(page(LIBRARY), head="Field")]

    assert documented == [field.name for field in fields(EventRules)]


def test_the_guide_names_every_public_name_that_applications_use() -> None:
    guide = "\n".join(code_of(page(LIBRARY)))
    classes = {name for name in celery_sqs_fifo.__all__ if name[0].isupper() and name[1].islower()}

    not_told = {name for name in classes if not re.search(rf"\b{name}\b", guide)}
    assert not_told <= {"ErrorLocation", "EventsFailed", "LabelsOf", "Pointer"}


@pytest.mark.parametrize("body", fenced(page("docs/events.md"), language="json"))
def test_every_example_of_an_event_is_a_valid_event(body: str, settings: Any) -> None:
    settings.EVENT_ADAPTERS = adapters.names()
    at = place(queue_time=datetime(2026, 11, 23, tzinfo=UTC))

    event = parse_event(body=body, place=at)

    assert event.contact.urn == "telegram:1001"


def test_the_table_of_adapters_matches_the_code() -> None:
    documented = [row[0].strip("`") for row in table_of(page("docs/events.md"), head="adapter")]

    assert documented == adapters.names()


def test_the_table_of_event_types_matches_the_code() -> None:
    text = page("docs/events.md")
    headings = " ".join(re.findall(r"^### (.+)$", text, flags=re.MULTILINE))

    assert table_of(text, head="type") == [
        [f"`{one.name}`", one.label, "yes" if one.may_close else "no"]
        for one in EVENT_TYPES.values()
    ]
    assert set(re.findall(r"`([^`]+)`", headings)) == set(EVENT_TYPES)


def test_the_table_of_problems_of_producers_matches_the_code() -> None:
    documented = table_of(page("docs/events.md"), head="what the producer does")

    assert [(row[1].strip("`"), row[0].replace("`", "")) for row in documented] == [
        (problem.value, str(problem.label)) for problem in Problem
    ]


def test_the_reasons_of_malformed_events_are_counted_as_problems_of_producers() -> None:
    rows = table_of(page("docs/events.md"), head="what is wrong")

    assert {row[1].strip("`") for row in rows} == MALFORMED_REASONS


def test_the_documented_reasons_of_dead_letters_match_the_code() -> None:
    text = page("docs/events.md")
    documented = {
        row[1].strip("`")
        for table in tables(text)
        for row in table[1:]
        if table[0][1] == "`reason`"
    }

    assert documented == reasons_in_the_code()


def reasons_in_the_code() -> set[str]:
    """Return the reasons of dead letters in the code."""
    reasons: set[str] = set()
    for source in (
        *(ROOT / "apps").rglob("*.py"),
        *(ROOT / "celery_sqs_fifo").rglob("*.py"),
        *(ROOT / "tasks").rglob("*.py"),
    ):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            reasons |= _reasons_of(node)
    return reasons


def _reasons_of(node: ast.AST) -> set[str]:
    """Yield the reasons in `InvalidEvent(reason, …)`, `Outcome(…, reason, …)` and `reason = …`."""
    match node:
        case ast.Call(func=ast.Name(id="InvalidEvent"), args=[ast.Constant(value=str(reason)), *_]):
            return {reason}
        case ast.Call(func=ast.Name(id="Outcome"), args=[_, ast.Constant(value=str(reason)), *_]):
            return {reason}
        case ast.Assign(targets=[ast.Name(id="reason")], value=ast.IfExp(body=body, orelse=orelse)):
            return {str(one.value) for one in (body, orelse) if isinstance(one, ast.Constant)}
        case _:
            return set()
