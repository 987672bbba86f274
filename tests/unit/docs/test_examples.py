"""The examples and reference tables of the documentation are those of the code."""

import ast
import json
import re
from dataclasses import MISSING, Field, fields
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

import celery_sqs_fifo
from apps.messages.event_types import EVENT_TYPES
from apps.messages.events import Arrival
from apps.messages.reading import parse_event
from celery_sqs_fifo import EventRules, Options, Result
from celery_sqs_fifo.running import task
from tests.support.pages import ROOT, code_of, fenced, page, table_of, tables

LIBRARY = "celery_sqs_fifo/README.md"


def test_every_action_of_the_policies_is_an_operation_of_its_service() -> None:
    policies = [json.loads(block) for block in fenced(page("docs/deployment.md"), language="json")]
    actions = [
        action
        for policy in policies
        for statement in policy["Statement"]
        for action in always_a_list(statement["Action"])
    ]

    assert len(policies) == 5
    for action in actions:
        service, _, operation = action.partition(":")
        assert operation in operations(service), action


def always_a_list(value: str | list[str]) -> list[str]:
    """IAM takes one or several in the same place."""
    return [value] if isinstance(value, str) else value


def operations(service: str) -> list[str]:
    """What the API of an AWS service can do. IAM names its actions alike."""
    client: Any = boto3.client(service, region_name="us-east-1")  # type: ignore[call-overload]
    return list(client.meta.service_model.operation_names)


def test_the_options_are_those_of_the_code() -> None:
    told = [row[:2] for row in table_of(page(LIBRARY), head="Option")]

    assert told == [[f"`{field.name}`", default_of(field)] for field in fields(Options)]


def default_of(field: "Field[Any]") -> str:
    """A default as one would write it in Python."""
    if field.default is MISSING:
        return "required"
    return f'`"{field.default}"`' if isinstance(field.default, str) else f"`{field.default!r}`"


def test_the_results_are_those_of_the_code() -> None:
    told = [row[0].strip("`") for row in table_of(page(LIBRARY), head="`Result`")]

    assert told == [result.name for result in Result]


def test_every_refused_argument_is_named() -> None:
    refused = " ".join(row[0] for row in table_of(page(LIBRARY), head="use"))

    assert set(task.UNSUPPORTED_OPTIONS) <= set(re.findall(r"\w+", refused))


def test_the_rules_are_those_of_the_code() -> None:
    told = [row[0].strip("`") for row in table_of(page(LIBRARY), head="Field")]

    assert told == [field.name for field in fields(EventRules)]


def test_the_guide_names_every_public_name_that_an_application_declares_with() -> None:
    guide = "\n".join(code_of(page(LIBRARY)))
    classes = {name for name in celery_sqs_fifo.__all__ if name[0].isupper() and name[1].islower()}

    not_told = {name for name in classes if not re.search(rf"\b{name}\b", guide)}
    assert not_told <= {"ErrorLocation", "EventsFailed", "LabelsOf", "Pointer"}


@pytest.mark.parametrize("body", fenced(page("docs/events.md"), language="json"))
def test_every_example_of_an_event_is_one(body: str) -> None:
    arrival = Arrival(group_id="g", sent_at=datetime(2026, 11, 23, tzinfo=UTC), sequence_number="1")

    event = parse_event(body=body, arrival=arrival)

    assert event.contact.urn == "telegram:1001"


def test_the_event_types_are_those_of_the_code() -> None:
    text = page("docs/events.md")
    headings = " ".join(re.findall(r"^### (.+)$", text, flags=re.MULTILINE))

    assert table_of(text, head="type") == [
        [f"`{one.name}`", one.label, "yes" if one.may_close else "no"]
        for one in EVENT_TYPES.values()
    ]
    assert set(re.findall(r"`([^`]+)`", headings)) == set(EVENT_TYPES)


def test_every_reason_of_a_dead_letter_is_one_that_the_code_gives() -> None:
    text = page("docs/events.md")
    told = {
        row[1].strip("`")
        for table in tables(text)
        for row in table[1:]
        if table[0][1] == "`reason`"
    }

    assert told == reasons_in_the_code()


def reasons_in_the_code() -> set[str]:
    """The reasons with which the code makes outcomes that end in the dead-letter queue."""
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
    """`InvalidEvent(reason, …)`, `Outcome(result, reason, …)`, and `reason = … if … else …`."""
    match node:
        case ast.Call(func=ast.Name(id="InvalidEvent"), args=[ast.Constant(value=str(reason)), *_]):
            return {reason}
        case ast.Call(func=ast.Name(id="Outcome"), args=[_, ast.Constant(value=str(reason)), *_]):
            return {reason}
        case ast.Assign(targets=[ast.Name(id="reason")], value=ast.IfExp(body=body, orelse=orelse)):
            return {str(one.value) for one in (body, orelse) if isinstance(one, ast.Constant)}
        case _:
            return set()
