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

# The characters that SQS refuses in a body (SendMessage, "MessageBody") and JSON does not escape.
_UNSENDABLE = re.compile(r"[\ud800-\udfff\ufffe\uffff]")
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]|\\(?=u[0-9a-fA-F]{4})")
_ESCAPED = re.compile(r"\\u([0-9a-f]{4})")
_MARKER_LIKE = re.compile(r"\$+number")


# Much less than what Python's recursion limit allows in the deepest call of `parse`.
MAX_DEPTH = 200


class NotJson(ValueError):
    """A text is not JSON, or is nested too deeply. The message says so, and quotes nothing."""


class _UnstorableNumber:
    def __init__(self, literal: str) -> None:
        self.literal = literal


def parse(text: str) -> Any:
    """Return the JSON document in `text`, with exact numbers and escaped for storage.

    It accepts what `decode` accepts. Raise NotJson for anything else.
    """
    return storable(decode(text))


def decode(text: str) -> Any:
    """Return the JSON document in `text` for decisions, without escaping it for storage.

    A number that cannot be stored becomes an object that callers must not use. A byte-order mark
    before the document is ignored. Raise NotJson if `text` is not JSON by RFC 8259 (which has no
    NaN and no Infinity), or if it is nested in more than MAX_DEPTH levels. This limit makes the
    result the same wherever the function is called; Python's own limit depends on the caller's
    stack.
    """
    too_deep = f"is nested in more than {MAX_DEPTH} levels"
    try:
        document = _exact_decoder.decode(text)
    except RecursionError as error:
        raise NotJson(too_deep) from error
    except simplejson.JSONDecodeError as error:
        raise NotJson(f"is not JSON: see line {error.lineno}, column {error.colno}") from error
    if text.count("[") + text.count("{") > MAX_DEPTH and _is_deeper(document, MAX_DEPTH):
        raise NotJson(too_deep)
    return document


def storable(document: Any) -> Any:
    """Return a document from `decode` in the form of `parse`, escaped for storage."""
    match document:
        case str():
            return escape(document)
        case list():
            return [storable(item) for item in document]
        case dict():
            return {_escape_key(key): storable(value) for key, value in document.items()}
        case _UnstorableNumber():
            return {NUMBER_MARKER: document.literal}
        case _:
            return document


def dump(document: Any) -> str:
    """Return a document as compact JSON with sorted keys: equal documents have equal text."""
    return str(_encoder.encode(document))


def load(text: str) -> Any:
    """Return the document that `dump` wrote, with exact numbers. Escapes stay in place."""
    return _decoder.decode(text)


def escape(text: str) -> str:
    """Return `text` after escaping the characters that PostgreSQL and DynamoDB refuse."""
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
            return {_original_key(key): restore(value) for key, value in document.items()}
        case _:
            return document


def unparse(document: Any) -> str:
    """Return JSON from which `parse` returns this document, with only characters that SQS accepts.

    Its keys are sorted. Numbers keep their digits, whereas `restore` returns some of them as text.
    """
    match document:
        case str():
            return _quoted(unescape(document))
        case list():
            return f"[{','.join(map(unparse, document))}]"
        case {"$number": str(literal)} if len(document) == 1:
            return literal
        case int() | Decimal() if not isinstance(document, bool):
            return _literal(Decimal(document))
        case dict():
            fields = (
                f"{_quoted(_original_key(key))}:{unparse(value)}"
                for key, value in sorted(document.items())
            )
            return f"{{{','.join(fields)}}}"
        case _:
            return dump(document)


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


def _is_deeper(document: Any, levels: int) -> bool:
    """Return whether arrays and objects are nested in more than this number of levels."""
    containers = [document] if isinstance(document, list | dict) else []
    while containers and levels:
        inner = [one.values() if isinstance(one, dict) else one for one in containers]
        containers = [each for one in inner for each in one if isinstance(each, list | dict)]
        levels -= 1
    return bool(containers)


def _escape_key(key: str) -> str:
    return "$" + key if key[:1] == "$" and _MARKER_LIKE.fullmatch(key) else escape(key)


def _original_key(key: str) -> str:
    return unescape(key[1:] if _MARKER_LIKE.fullmatch(key) else key)


def _literal(number: Decimal) -> str:
    """Return the digits of a number in a form that is not too long for `parse`."""
    # The digits of 1e999999999 would take a gigabyte.
    if abs(number.adjusted()) <= MAX_NUMBER_LENGTH:
        digits = format(number, "f")
        if len(digits) <= MAX_NUMBER_LENGTH:
            return digits
    sign, significant, exponent = number.as_tuple()
    mantissa = "".join(map(str, significant))
    # Zeros behind a decimal point are part of the number's text.
    short = mantissa.rstrip("0") if isinstance(exponent, int) and exponent >= 0 else mantissa
    return f"{'-' if sign else ''}{short}e{int(exponent) + len(mantissa) - len(short)}"


def _quoted(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    return _UNSENDABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", quoted)


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
    raise NotJson(f"is not JSON, which has no {name}")


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
