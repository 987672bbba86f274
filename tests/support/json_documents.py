"""Hypothesis strategies for the JSON of producers, including difficult characters and numbers."""

import json
from typing import Any

from hypothesis import strategies as st

_NASTY_PIECES = ("\x00", "\ud83d", "\ude15", "\\", "\\u0041", "\\u005c", "\\ud83d", "u0000", "😕")
_NASTY_KEYS = ("$number", "$$number", "number", "id", "\x00", "\\u0000")
_NASTY_NUMBERS = ("1e100000", "-1e-100000", "0.10", "1E+2", "-0.0", "-0", "9" * 70, "1e64", "1e65")


def texts() -> st.SearchStrategy[str]:
    """Return a strategy for texts with escapes, and with characters that stores refuse."""
    pieces = st.one_of(st.sampled_from(_NASTY_PIECES), st.characters(codec=None), st.text())
    return st.lists(pieces, max_size=6).map("".join)


def json_documents() -> st.SearchStrategy[Any]:
    """Return a strategy for documents that Python's `json` can write."""
    scalars = st.one_of(st.none(), st.booleans(), st.integers(), texts())
    return _nested(scalars)


@st.composite
def json_texts(draw: st.DrawFn) -> str:
    """Return a strategy for the text of JSON documents with numbers of any form."""
    document = draw(_nested(st.one_of(st.none(), st.booleans(), texts(), _numbers().map(_Literal))))
    return _write(document)


class _Literal(str):
    """The text of a number."""

    __slots__ = ()


def _numbers() -> st.SearchStrategy[str]:
    return st.one_of(
        st.sampled_from(_NASTY_NUMBERS),
        st.integers().map(str),
        st.floats(allow_nan=False, allow_infinity=False).map(repr),
        st.decimals(allow_nan=False, allow_infinity=False).map(str),
    )


def _nested(scalars: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    keys = st.one_of(st.sampled_from(_NASTY_KEYS), texts())
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
        max_leaves=12,
    )


def _write(document: Any) -> str:
    match document:
        case _Literal():
            return str(document)
        case list():
            return "[" + ",".join(_write(item) for item in document) + "]"
        case dict():
            fields = (f"{json.dumps(key)}:{_write(value)}" for key, value in document.items())
            return "{" + ",".join(fields) + "}"
        case _:
            return json.dumps(document)
