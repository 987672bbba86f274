"""JSON that keeps what it is given, in a form that every store here can hold.

PostgreSQL's jsonb refuses NUL and lone surrogates and expands a number such as 1e100000 digit by
digit (PostgreSQL documentation, "JSON Types"); Python's floats would change numbers. So `parse`
keeps numbers exactly and escapes what cannot be held, and `restore` gives the original back:

- such a character becomes the six characters ``\\uXXXX``, and a backslash that already stood
  before ``uXXXX`` becomes ``\\u005c``;
- such a number becomes ``{"$number": "<as it was written>"}``, and a key that looks like that
  marker gets one more ``$``.
"""

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any

import simplejson

NUMBER_MARKER = "$number"
MAX_NUMBER_LENGTH = 64

_UNHOLDABLE = re.compile(r"[\x00\ud800-\udfff]|\\(?=u[0-9a-fA-F]{4})")
_ESCAPED = re.compile(r"\\u([0-9a-f]{4})")
_MARKER_LIKE = re.compile(r"\$+number")


class _UnholdableNumber:
    def __init__(self, literal: str) -> None:
        self.literal = literal


def parse(text: str) -> Any:
    """The JSON document in `text`, numbers exact and everything escaped that a store refuses.

    Raises ValueError if it is not JSON as RFC 8259 has it (NaN and Infinity are not), or nested
    deeper than can be read.
    """
    try:
        return _escape_all(_exact_decoder.decode(text))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def dump(document: Any) -> str:
    """`document` as compact JSON, the same for equal documents (keys are sorted)."""
    return str(_encoder.encode(document))


def load(text: str) -> Any:
    """What `dump` wrote, numbers exact, escapes left as they are."""
    return _decoder.decode(text)


def escape(text: str) -> str:
    """`text` without the characters that PostgreSQL and DynamoDB refuse; `unescape` undoes it."""
    # Most texts have nothing to escape, and searching them by a pattern takes three times as long.
    if text.isascii() and "\\" not in text and "\x00" not in text:
        return text
    return _UNHOLDABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def unescape(text: str) -> str:
    """What `escape` was given."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)


def restore(document: Any) -> Any:
    """The document as it was before `parse`; a number beyond all bounds is given as text."""
    match document:
        case str():
            return unescape(document)
        case list():
            return [restore(item) for item in document]
        case {"$number": str(literal)} if len(document) == 1:
            return _exactly(literal)
        case dict():
            return {
                unescape(key[1:] if _MARKER_LIKE.fullmatch(key) else key): restore(value)
                for key, value in document.items()
            }
        case _:
            return document


class Encoder(json.JSONEncoder):
    """`dump` in the form that Django's JSONField asks for."""

    def encode(self, o: Any) -> str:
        """The document as JSON."""
        return dump(o)


class Decoder(json.JSONDecoder):
    """`load` in the form that Django's JSONField asks for."""

    def decode(self, s: str, *_options: Any) -> Any:
        """The document in the JSON."""
        return load(s)


def _exactly(literal: str) -> Decimal | str:
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
        case _UnholdableNumber():
            return {NUMBER_MARKER: document.literal}
        case _:
            return document


def _escape_key(key: str) -> str:
    return "$" + key if key[:1] == "$" and _MARKER_LIKE.fullmatch(key) else escape(key)


def _integer(literal: str) -> int | _UnholdableNumber:
    return int(literal) if len(literal) <= MAX_NUMBER_LENGTH else _UnholdableNumber(literal)


def _decimal(literal: str) -> Decimal | _UnholdableNumber:
    try:
        number = Decimal(literal)
    except InvalidOperation:
        return _UnholdableNumber(literal)
    if len(literal) > MAX_NUMBER_LENGTH or abs(number.adjusted()) > MAX_NUMBER_LENGTH:
        return _UnholdableNumber(literal)
    # As jsonb gives it back: digits without an exponent, and no negative zero.
    return Decimal(format(number if number else abs(number), "f"))


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


# Made once: with options, simplejson's functions make new ones at each call.
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
