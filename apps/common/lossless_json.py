r"""JSON without loss of information, in a form that PostgreSQL and DynamoDB can store.

PostgreSQL's jsonb refuses NUL and lone surrogates and expands a number such as 1e100000 digit by
digit (PostgreSQL documentation, "JSON Types"). Python's floats would change numbers. So `parse`
keeps numbers exactly and escapes what cannot be stored, and `restore` returns the original:

- A character that cannot be stored becomes the six characters ``\uXXXX``. A backslash before a
  literal ``uXXXX`` becomes ``\u005c``.
- A number that cannot be stored becomes ``{"$number": "<its original digits>"}``. A key that looks
  like this marker gets one more ``$``.
"""

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any

import simplejson

NUMBER_MARKER = "$number"
MAX_NUMBER_LENGTH = 64

_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]|\\(?=u[0-9a-fA-F]{4})")
_ESCAPED = re.compile(r"\\u([0-9a-f]{4})")
_MARKER_LIKE = re.compile(r"\$+number")


class _UnstorableNumber:
    def __init__(self, literal: str) -> None:
        self.literal = literal


def parse(text: str) -> Any:
    """Return the JSON document in `text`, with exact numbers and escaped for storage.

    Raise ValueError if `text` is not JSON by RFC 8259 (which has no NaN and no Infinity), or if it
    is nested too deeply to be parsed.
    """
    try:
        return _escape_all(_exact_decoder.decode(text))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def dump(document: Any) -> str:
    """Return a document as compact JSON with sorted keys: equal documents have equal text."""
    return str(_encoder.encode(document))


def load(text: str) -> Any:
    """Return the document that `dump` wrote, with exact numbers. Escapes stay in place."""
    return _decoder.decode(text)


def escape(text: str) -> str:
    """Return `text` with the characters escaped that PostgreSQL and DynamoDB refuse."""
    # Most texts have nothing to escape, and the regular expression would take three times as long.
    if text.isascii() and "\\" not in text and "\x00" not in text:
        return text
    return _UNSTORABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def unescape(text: str) -> str:
    """Return the text that `escape` was called with."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)


def restore(document: Any) -> Any:
    """Return the document as it was before `parse`.

    A number that exceeds even Decimal's exponents is returned as text.
    """
    match document:
        case str():
            return unescape(document)
        case list():
            return [restore(item) for item in document]
        case {"$number": str(literal)} if len(document) == 1:
            return _number(literal)
        case dict():
            return {
                unescape(key[1:] if _MARKER_LIKE.fullmatch(key) else key): restore(value)
                for key, value in document.items()
            }
        case _:
            return document


class Encoder(json.JSONEncoder):
    """`dump` as an encoder class for Django's JSONField."""

    def encode(self, o: Any) -> str:
        """Return the document as JSON."""
        return dump(o)


class Decoder(json.JSONDecoder):
    """`load` as a decoder class for Django's JSONField."""

    def decode(self, s: str, *_options: Any) -> Any:
        """Return the document in the JSON."""
        return load(s)


def _number(literal: str) -> Decimal | str:
    try:
        return Decimal(literal)
    except InvalidOperation:
        return literal


def _escape_all(document: Any) -> Any:
    match document:
        case str():
            return escape(document)
        case list():
            return [_escape_all(item) for item in document]
        case dict():
            return {_escape_key(key): _escape_all(value) for key, value in document.items()}
        case _UnstorableNumber():
            return {NUMBER_MARKER: document.literal}
        case _:
            return document


def _escape_key(key: str) -> str:
    return "$" + key if key[:1] == "$" and _MARKER_LIKE.fullmatch(key) else escape(key)


def _integer(literal: str) -> int | _UnstorableNumber:
    return int(literal) if len(literal) <= MAX_NUMBER_LENGTH else _UnstorableNumber(literal)


def _decimal(literal: str) -> Decimal | _UnstorableNumber:
    try:
        number = Decimal(literal)
    except InvalidOperation:
        return _UnstorableNumber(literal)
    if len(literal) > MAX_NUMBER_LENGTH or abs(number.adjusted()) > MAX_NUMBER_LENGTH:
        return _UnstorableNumber(literal)
    # The form that jsonb returns: digits without an exponent, and no negative zero.
    return Decimal(format(number if number else abs(number), "f"))


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


# Made once: with options, simplejson's functions make a new decoder or encoder at each call.
_exact_decoder = simplejson.JSONDecoder(
    parse_float=_decimal, parse_int=_integer, parse_constant=_refuse_constant
)
_decoder = simplejson.JSONDecoder(parse_float=Decimal)
_encoder = simplejson.JSONEncoder(
    use_decimal=True,
    ensure_ascii=False,
    sort_keys=True,
    allow_nan=False,
    separators=(",", ":"),
)
