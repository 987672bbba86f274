"""The service takes every body that a JSON Schema of the contract allows."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from apps.common.errors import InvalidEvent
from apps.messages.contract.schemas import body_schemas
from apps.messages.event_types import EVENT_TYPES
from apps.messages.reading import parse_event
from tests.support.builders import place
from tests.support.schema_strategies import allowed_by

NO_SUCH_TIME = "there is no such time"


def refusal_of(body: dict[str, Any]) -> str:
    """Return why a body is refused, or "" if it is taken."""
    try:
        parse_event(body=json.dumps(body), place=place())
    except InvalidEvent as refusal:
        return NO_SUCH_TIME if NO_SUCH_TIME in refusal.message else refusal.message
    return ""


@pytest.mark.parametrize("name", EVENT_TYPES)
@settings(max_examples=10)
@given(data=st.data())
def test_a_body_that_the_schema_allows_is_taken(name: str, data: st.DataObject) -> None:
    """Only times that do not exist, such as a 30th of February, have no schema."""
    schema = body_schemas()[name]
    body = {**data.draw(allowed_by(schema)), "event_type": name}
    assert Draft202012Validator(schema).is_valid(body)

    assert refusal_of(body) in ("", NO_SUCH_TIME)
