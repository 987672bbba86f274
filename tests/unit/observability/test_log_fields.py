"""The log fields of a message on the queue have only ids, even if its body is invalid."""

import json
import re
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.messages.event_types import EVENT_TYPES
from observability import log_fields
from observability.log_context import add_bound_fields, bind_run, bound_fields
from observability.log_fields import hash_for_logs, message_fields
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
    """A stand-in for the request of a task's run."""

    id = "run-1"
    retries = 2


@pytest.mark.parametrize(
    "body", [message_body(), message_body(event_type="message.sent"), close_body(), window_body()]
)
def test_an_event_has_its_type_its_ids_and_the_hash_of_its_group(body: str) -> None:
    event = json.loads(body)

    assert message_fields(group_id=GROUP, event=event) == {
        "group": hash_for_logs(GROUP),
        "event_type": event["event_type"],
        "correlation_id": "correlation-1",
        "project_uuid": str(PROJECT),
    }


@pytest.mark.parametrize(
    "form", [str(PROJECT).upper(), PROJECT.hex, f"{{{PROJECT}}}", PROJECT.urn, f" {PROJECT} "]
)
def test_a_project_has_one_name_in_whatever_form_its_id_is_written(form: str) -> None:
    """A circuit that opens for a project would otherwise count each form as a project."""
    event = {"event_type": "message.received", "data": {"project_uuid": form}}

    assert message_fields(group_id=GROUP, event=event)["project_uuid"] == str(PROJECT)


@settings(derandomize=True, max_examples=200)
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
def test_fields_of_any_body_have_the_form_of_ids(event: Any) -> None:
    for name, value in message_fields(group_id=GROUP, event=event).items():
        assert IDS[name].fullmatch(value), name


@pytest.mark.parametrize(
    "correlation_id",
    [
        "whatsapp:5584996765969",
        "+5584996765969",
        "5584996765969",
        "55.84.9967-65969",
        "whatsapp-5584996765969",
        "wa5584996765969",
        "55_84_99676_5969-2",
        "f5584996765969",
        "msg.84996765.1",
        "1042",
        "9967-659",
        "ana@example.org",
        "where is my parcel",
        "line\nbreak",
        "x" * 65,
        "\ud83d",
    ],
)
def test_a_possible_address_or_text_is_hashed(correlation_id: str) -> None:
    fields = message_fields(group_id=GROUP, event={"correlation_id": correlation_id})

    assert fields["correlation_id"] == f"hash-{hash_for_logs(correlation_id)}"


@pytest.mark.parametrize(
    "correlation_id",
    [
        "00000000-0000-4000-8000-000000000001",
        "01JAVQ2W9Z",
        "trace-4bf92f3577b34da6",
        "4bf92f35774812345678a6ce929d0e0e",
        "00-4bf92f35774812345678a6ce929d0e0e-00f067aa0ba902b7-01",
        "req_1.2",
    ],
)
def test_an_id_is_not_hashed(correlation_id: str) -> None:
    fields = message_fields(group_id=GROUP, event={"correlation_id": correlation_id})

    assert fields["correlation_id"] == correlation_id


def test_a_hash_is_stable_differs_for_each_group_and_depends_on_the_key(settings: Any) -> None:
    before = hash_for_logs(GROUP)
    assert before == hash_for_logs(GROUP) != hash_for_logs(GROUP + "2")

    settings.SECRET_KEY = "another" * 10
    assert hash_for_logs(GROUP) != before


def test_a_pointer_has_its_task_and_the_id_that_it_names() -> None:
    close = message_fields(
        group_id=GROUP, task="tasks.closing.close_conversation", arguments=["u-1"]
    )
    erase = message_fields(group_id=GROUP, task="tasks.erasing.erase_contact", arguments=["e-1"])
    tick = message_fields(group_id="closing", task="tasks.closing.close_due_conversations")

    assert (close["step"], close["conversation_uuid"]) == (
        "tasks.closing.close_conversation",
        "u-1",
    )
    assert erase["erasure"] == "e-1"
    assert "conversation_uuid" not in erase.keys() | tick.keys()


def test_fields_of_a_line_override_bound_fields() -> None:
    line = {
        "ids_of_event": lambda: {"message_id": "m", "step": "of the event"},
        "ids_of_run": lambda: {"step": "of the run", "attempt": 1},
        "attempt": 2,
    }

    assert add_bound_fields(None, "info", line) == {
        "message_id": "m",
        "step": "of the run",
        "attempt": 2,
    }


def test_a_task_that_runs_within_another_task_inherits_its_log_fields() -> None:
    with bind_run(Request, name="outer", fields={"group": "g", "conversation_uuid": "u-1"}):
        with bind_run(Request, name="inner", fields={"conversation_uuid": "u-2"}):
            inner = bound_fields()
        outer = bound_fields()

    run = {"task_id": "run-1", "attempt": 3, "group": "g"}
    assert inner == {**run, "step": "inner", "conversation_uuid": "u-2"}
    assert outer == {**run, "step": "outer", "conversation_uuid": "u-1"}
    assert bound_fields() == {}


def test_a_pointer_in_the_group_of_a_contact_has_its_project() -> None:
    """The project makes a lock on its row count once, even if it delays events and pointers."""
    fields = message_fields(
        group_id=f"{PROJECT}:channel:telegram:1", task="close", arguments=["id"]
    )

    assert fields["project_uuid"] == str(PROJECT)
    assert fields["conversation_uuid"] == "id"


@pytest.mark.parametrize("group_id", ["closing", "telegram:1", str(UUID(int=1))])
def test_a_pointer_in_another_group_has_no_project(group_id: str) -> None:
    assert "project_uuid" not in message_fields(group_id=group_id, task="close")


def test_a_long_text_is_hashed_like_any_other_but_not_kept_in_memory() -> None:
    """A producer's correlation id can be as long as an event."""
    long = "correlation " * 1_000
    hash_for_logs("a text that is kept")
    kept = log_fields._cached_hash.cache_info().currsize

    hashes = {hash_for_logs(f"{long}{number}") for number in range(10)}

    assert len(hashes) == 10
    assert all(re.fullmatch(r"[0-9a-f]{16}", one) for one in hashes)
    assert hash_for_logs(f"{long}3") in hashes
    assert 1 <= log_fields._cached_hash.cache_info().currsize == kept
