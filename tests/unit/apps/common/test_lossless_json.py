"""JSON goes in, is escaped, and comes back as it was."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from apps.common.lossless_json import dump, escape, load, parse, restore, unescape
from tests.support.json_documents import json_documents, json_texts, texts


def exactly(text: str) -> Any:
    """The document as Python's own reader sees it, with exact numbers."""
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


@settings(max_examples=60, deadline=None)
@given(json_texts())
@example('"a\\u0000b"')
@example('"\\ud83d"')
@example(r'"\\u0041 \\u0000 \\ud83d \\U0041 \\\\u005c"')
@example('"\\\\\\u0000"')
@example('{"$number": "1e5"}')
@example('{"$$number": {"$number": 1}}')
@example('{"$number": 1e100000}')
@example("1e100000")
@example("-1e-100000")
@example("1e999999999999999999")
@example("123456789012345678901234567890.123456789012345678901234567890")
@example("9" * 5_000)
@example("0." + "0" * 5_000 + "1")
@example("[-0, -0.0, 0.10, 1E+2]")
def test_a_document_can_be_had_back_as_it_was(text: str) -> None:
    assert restore(parse(text)) == exactly(text)


@settings(max_examples=60, deadline=None)
@given(json_texts())
def test_what_is_dumped_and_loaded_stays_the_same(text: str) -> None:
    document = parse(text)

    assert load(dump(document)) == document
    assert dump(load(dump(document))) == dump(document)


@settings(max_examples=60, deadline=None)
@given(json_texts())
def test_what_is_dumped_holds_nothing_that_a_store_refuses(text: str) -> None:
    dumped = dump(parse(text))

    dumped.encode()
    assert "\\u0000" not in dumped.replace("\\\\", "")
    assert "\x00" not in dumped


@settings(max_examples=60, deadline=None)
@given(json_documents())
def test_equal_documents_are_dumped_alike_whatever_the_order_of_their_keys(document: Any) -> None:
    ordered, reverse = json.dumps(document, sort_keys=True), json.dumps(_reversed(document))

    assert dump(parse(ordered)) == dump(parse(reverse))


@settings(max_examples=60, deadline=None)
@given(texts())
def test_a_text_is_escaped_and_unescaped_to_itself(text: str) -> None:
    assert unescape(escape(text)) == text


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ('"a\\u0000b"', "a\\u0000b"),
        ('"half \\ud83d"', "half \\ud83d"),
        ('"whole \\ud83d\\ude15"', "whole 😕"),
        (r'"\\u0041"', "\\u005cu0041"),
        ("1e100000", {"$number": "1e100000"}),
        ('{"$number": 1}', {"$$number": 1}),
        ("12345678901234567890", 12345678901234567890),
        ("-46.63330941", Decimal("-46.63330941")),
    ],
)
def test_what_a_store_cannot_hold_is_escaped(text: str, held: Any) -> None:
    assert parse(text) == held


def test_numbers_keep_the_digits_they_were_written_with() -> None:
    assert dump(parse("[1.0,1.10,0.1,1e2,12345678901234567890]")) == (
        "[1.0,1.10,0.1,100,12345678901234567890]"
    )


@pytest.mark.parametrize("text", ["", "{", "NaN", "[Infinity]", "-Infinity", "{'a': 1}", "1 2"])
def test_what_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse(text)


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, "[" * 100_000 + "]" * 100_000, '{"a":' * 50_000 + "1" + "}" * 50_000],
    ids=["unclosed", "lists", "objects"],
)
def test_a_document_nested_too_deeply_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse(text)


@pytest.mark.parametrize("number", ["1e9999999999999999999", "-1.5E-99999999999999999999"])
def test_an_exponent_beyond_what_decimals_have_is_kept_as_it_was_written(number: str) -> None:
    assert parse(number) == {"$number": number}
    assert load(dump(parse(number))) == {"$number": number}
    assert restore(parse(number)) == number


def test_what_was_read_in_a_shallow_stack_can_be_written_in_a_deep_one() -> None:
    """A message is read in the chain's first step and written again much further down."""
    document = _deepest_readable()

    dumped = _deeper(lambda: dump(document), frames=100)

    assert _deeper(lambda: load(dumped), frames=100) == document


def _deepest_readable() -> Any:
    readable = None
    for depth in range(10, 1_000, 5):
        try:
            readable = parse("[" * depth + "]" * depth)
        except ValueError:
            break
    return readable


def _deeper(call: Any, *, frames: int) -> Any:
    return _deeper(call, frames=frames - 1) if frames else call()


def _reversed(document: Any) -> Any:
    match document:
        case dict():
            return {key: _reversed(document[key]) for key in reversed(list(document))}
        case list():
            return [_reversed(item) for item in document]
        case _:
            return document


@settings(max_examples=60, deadline=None)
@given(st.text())
def test_any_text_is_a_document_or_is_refused(text: str) -> None:
    try:
        document = parse(text)
    except ValueError:
        return
    dump(document).encode()
