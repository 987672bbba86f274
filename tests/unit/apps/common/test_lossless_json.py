"""JSON is escaped for storage and restored without loss."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from apps.common.lossless_json import (
    dump,
    escape,
    load,
    parse,
    restore,
    unescape,
    unparse,
)
from tests.support.json_documents import json_documents, json_texts, texts


class AllowedBySqs:
    """The characters of a message body (SQS API Reference, "SendMessage")."""

    _RANGES = ((0x20, 0xD7FF), (0xE000, 0xFFFD), (0x10000, 0x10FFFF))

    def __contains__(self, character: str) -> bool:
        is_in_range = any(low <= ord(character) <= high for low, high in self._RANGES)
        return is_in_range or character in "\t\n\r"


ALLOWED_BY_SQS = AllowedBySqs()


def exactly(text: str) -> Any:
    """Parse the document with Python's own decoder, with exact numbers."""
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


@settings(max_examples=60)
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
def test_a_document_is_restored_as_it_was(text: str) -> None:
    assert restore(parse(text)) == exactly(text)


@settings(max_examples=60)
@given(json_texts())
@example('"\\ud83d\\ufffe\\uffff"')
@example(r'"\\u0041 \\u0000 \\ud83d \\U0041 \\\\u005c"')
@example('{"$number": "1e5", "$$number": {"$number": 1e100000}, "\\u0000": 1e999999999999999999}')
@example("9" * 5_000)
@example("[1e64, -1.50e64, 1.500e-60, 12345678901234567890123456789012345678901234567890e9]")
def test_a_document_is_parsed_again_from_what_it_was_parsed_from(text: str) -> None:
    document = parse(text)

    again = unparse(document)

    assert dump(parse(again)) == dump(document)
    assert all(character in ALLOWED_BY_SQS for character in again)


@settings(max_examples=60)
@given(json_texts())
def test_a_dumped_document_is_loaded_unchanged(text: str) -> None:
    document = parse(text)

    assert load(dump(document)) == document
    assert dump(load(dump(document))) == dump(document)


@settings(max_examples=60)
@given(json_texts())
def test_a_dumped_document_has_only_characters_that_can_be_stored(text: str) -> None:
    dumped = dump(parse(text))

    dumped.encode()
    assert "\\u0000" not in dumped.replace("\\\\", "")
    assert "\x00" not in dumped


@settings(max_examples=60)
@given(json_documents())
def test_equal_documents_are_dumped_as_the_same_text(document: Any) -> None:
    ordered, reverse = json.dumps(document, sort_keys=True), json.dumps(_reversed(document))

    assert dump(parse(ordered)) == dump(parse(reverse))


@settings(max_examples=60)
@given(texts())
def test_unescape_reverses_escape(text: str) -> None:
    assert unescape(escape(text)) == text


@settings(max_examples=60)
@given(json_texts())
@example('{"$number": "5", "$$number": 1e400, "a": ["\\u0000", "\\ud83d", "\\\\u0000"]}')
@example("1e400")
@example("9" * 5_000)
@example("[1e999999999]")
def test_the_json_of_a_document_can_be_stored_as_a_text(text: str) -> None:
    assert exactly(unescape(escape(unparse(parse(text))))) == exactly(text)


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
def test_what_cannot_be_stored_is_escaped(text: str, held: Any) -> None:
    assert parse(text) == held


def test_numbers_keep_their_digits() -> None:
    assert dump(parse("[1.0,1.10,0.1,1e2,12345678901234567890]")) == (
        "[1.0,1.10,0.1,100,12345678901234567890]"
    )


@pytest.mark.parametrize("text", ["", "{", "NaN", "[Infinity]", "-Infinity", "{'a': 1}", "1 2"])
def test_invalid_json_is_refused(text: str) -> None:
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
def test_an_exponent_too_large_for_decimal_is_kept_as_text(number: str) -> None:
    assert parse(number) == {"$number": number}
    assert load(dump(parse(number))) == {"$number": number}
    assert restore(parse(number)) == number


def test_a_document_parsed_in_a_shallow_stack_can_be_dumped_in_a_deep_one() -> None:
    """The chain parses a message in its first step, and dumps it later in a deeper call stack."""
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


@settings(max_examples=60)
@given(st.text())
def test_any_text_is_a_document_or_is_refused(text: str) -> None:
    try:
        document = parse(text)
    except ValueError:
        return
    dump(document).encode()
