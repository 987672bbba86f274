"""What log lines say of a message on the queue: ids, in whatever form it comes."""

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.messages.event_types import EVENT_TYPES
from observability.labels import hashed, labels_of
from observability.log_context import add_labels, bound_labels, step
from tests.support.builders import PROJECT, URN, close_body, message_body, window_body

GROUP = f"{PROJECT}:channel:{URN}"
IDS = {
    "group": re.compile(r"[0-9a-f]{16}"),
    "correlation_id": re.compile(r"[A-Za-z0-9._-]{1,64}"),
    "project_uuid": re.compile(r"[0-9a-fA-F-]{36}"),
    "event_type": re.compile("|".join([*map(re.escape, EVENT_TYPES), "unknown"])),
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


class Request:
    """A run of a task."""

    id = "run-1"
    retries = 2


@pytest.mark.parametrize(
    "body", [message_body(), message_body(event_type="message.sent"), close_body(), window_body()]
)
def test_an_event_is_told_by_its_type_its_ids_and_the_hash_of_its_group(body: str) -> None:
    event = json.loads(body)

    assert labels_of(group_id=GROUP, event=event) == {
        "group": hashed(GROUP),
        "event_type": event["event_type"],
        "correlation_id": "correlation-1",
        "project_uuid": str(PROJECT),
    }


@settings(derandomize=True, deadline=None, max_examples=200)
@given(
    event=JSON
    | st.fixed_dictionaries(
        {
            "event_type": JSON,
            "correlation_id": JSON,
            "data": st.fixed_dictionaries({"project_uuid": JSON}) | JSON,
        }
    )
)
def test_whatever_a_body_holds_what_is_told_has_the_form_of_an_id(event: Any) -> None:
    for name, value in labels_of(group_id=GROUP, event=event).items():
        assert IDS[name].fullmatch(value), name


@pytest.mark.parametrize(
    "correlation_id",
    [
        "whatsapp:5584996765969",
        "+5584996765969",
        "5584996765969",
        "55.84.9967-65969",
        "ana@example.org",
        "where is my parcel",
        "line\nbreak",
        "x" * 65,
        "\ud83d",
    ],
)
def test_what_may_be_an_address_or_a_text_is_told_by_its_hash(correlation_id: str) -> None:
    told = labels_of(group_id=GROUP, event={"correlation_id": correlation_id})

    assert told["correlation_id"] == f"hash-{hashed(correlation_id)}"


@pytest.mark.parametrize(
    "correlation_id",
    ["00000000-0000-4000-8000-000000000001", "01JAVQ2W9Z", "trace-4bf92f3577b34da6", "req_1.2"],
)
def test_an_id_is_told_as_it_is(correlation_id: str) -> None:
    told = labels_of(group_id=GROUP, event={"correlation_id": correlation_id})

    assert told["correlation_id"] == correlation_id


def test_a_hash_is_stable_tells_groups_apart_and_needs_the_key(settings: Any) -> None:
    before = hashed(GROUP)
    assert before == hashed(GROUP) != hashed(GROUP + "2")

    settings.SECRET_KEY = "another" * 10
    assert hashed(GROUP) != before


def test_a_pointer_is_told_by_its_task_and_what_it_names() -> None:
    close = labels_of(group_id=GROUP, task="tasks.closing.close_conversation", arguments=["u-1"])
    erase = labels_of(group_id=GROUP, task="tasks.erasing.erase_contact", arguments=["e-1"])
    tick = labels_of(group_id="closing", task="tasks.closing.close_due_conversations")

    assert (close["step"], close["conversation_uuid"]) == (
        "tasks.closing.close_conversation",
        "u-1",
    )
    assert erase["erasure"] == "e-1"
    assert "conversation_uuid" not in erase.keys() | tick.keys()


def test_what_a_line_says_itself_counts_more_than_what_is_bound() -> None:
    line = {
        "ids_of_event": lambda: {"message_id": "m", "step": "of the event"},
        "ids_of_run": lambda: {"step": "of the run", "attempt": 1},
        "attempt": 2,
    }

    assert add_labels(None, "info", line) == {
        "message_id": "m",
        "step": "of the run",
        "attempt": 2,
    }


def test_a_task_within_another_one_keeps_what_that_one_is_about() -> None:
    with step(Request, name="outer", labels={"group": "g", "conversation_uuid": "u-1"}):
        with step(Request, name="inner", labels={"conversation_uuid": "u-2"}):
            inner = bound_labels()
        outer = bound_labels()

    run = {"task_id": "run-1", "attempt": 3, "group": "g"}
    assert inner == {**run, "step": "inner", "conversation_uuid": "u-2"}
    assert outer == {**run, "step": "outer", "conversation_uuid": "u-1"}
    assert bound_labels() == {}
