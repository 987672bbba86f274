"""Any JSON in the fields of a message can be shown, and no text in it is lost."""

import json
from itertools import count
from typing import Any

from django.template.loader import render_to_string
from hypothesis import given
from hypothesis import strategies as st

from apps.common.lossless_json import parse
from operations.transcript_text import lines_of
from tests.support.html import Document
from tests.support.json_documents import json_documents
from tests.support.rows import message, rows_of

# Fields that a transcript shows in words, at some depth.
NAMES = (
    *("attachments", "image", "voice", "sticker", "location", "contacts", "interactive", "button"),
    *("quick_replies", "template", "order", "context", "reply_to", "reaction", "type", "text"),
    *("url", "payload", "caption", "mime_type", "duration", "animated", "latitude", "name"),
    *("formatted_name", "phones", "phone", "org", "list_reply", "title", "description", "action"),
    *("sections", "rows", "buttons", "reply", "language", "code", "components", "parameters"),
    *("product_items", "quantity", "item_price", "currency", "message_id", "id", "mid", "emoji"),
    *("forwarded", "subject", "body", "header", "source", "volume"),
)
SCALARS = st.sampled_from(["TOKEN", 1, 2.5, True, None, "", "image", "text", "https://x.example/"])
FIELDS = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=25,
)


def documents(*messages: Any) -> list[dict[str, Any]]:
    """Return messages with this content, as they are stored."""
    return [
        {**message(number), "message": parse(json.dumps(content))}
        for number, content in enumerate(messages)
    ]


def page_of(rows: list[Any]) -> str:
    """Return the rows as the console shows them. Fails if the HTML is malformed."""
    html = render_to_string("console/rows.html", {"rows": rows})
    Document(html)
    return html


@given(st.lists(st.dictionaries(st.sampled_from(NAMES), json_documents(), max_size=6), max_size=3))
def test_any_json_is_shown_on_the_page_and_in_the_terminal(messages: list[dict[str, Any]]) -> None:
    rows = rows_of(*documents(*messages))

    page_of(rows).encode()
    "\n".join(lines_of(rows)).encode()


@given(st.dictionaries(st.sampled_from(NAMES), FIELDS, max_size=6))
def test_every_text_of_a_message_is_visible(content: dict[str, Any]) -> None:
    numbers = count(1)
    content.pop("message_id", None)
    content.pop("id", None)
    named = with_tokens(content, numbers)

    rows = rows_of(*documents(named))

    html, text = page_of(rows), "\n".join(lines_of(rows))
    for number in range(1, next(numbers)):
        assert f"token-{number}." in html
        assert f"token-{number}." in text


def with_tokens(value: Any, numbers: "count[int]") -> Any:
    """Return a document with a unique text in place of each TOKEN."""
    match value:
        case "TOKEN":
            return f"token-{next(numbers)}."
        case list():
            return [with_tokens(one, numbers) for one in value]
        case dict():
            return {name: with_tokens(one, numbers) for name, one in value.items()}
        case _:
            return value


def test_a_huge_and_deep_field_is_shown() -> None:
    deep: Any = "end"
    for _ in range(90):
        deep = {"location": [deep]}

    rows = rows_of(*documents({"attachments": ["x" * 10_000] * 200}, {"location": deep}))

    assert page_of(rows).count("x" * 10_000) == 200
    assert "end" in page_of(rows)
