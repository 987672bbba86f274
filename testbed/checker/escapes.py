r"""Converts the JSON of the stores back into what producers sent.

A character that a store refuses is stored as the six characters ``\uXXXX``. If a producer wrote
such six characters, their backslash is stored as ``\u005c``. A number that is too large or too
precise is stored as ``{"$number": "TEXT"}``; a producer's key of this form gets one more ``$``.
"""

import json
import re
from decimal import Decimal
from typing import Any

_ESCAPED = re.compile(r"\\u([0-9a-f]{4})")
_MARKER = re.compile(r"\$+number")


def read_json(text: str | bytes) -> Any:
    """Return a document with exact numbers. Its escapes are not converted."""
    return json.loads(text, parse_float=Decimal)


def unescape(document: Any) -> Any:
    """Return the document as its producer sent it."""
    match document:
        case str():
            return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), document)
        case list():
            return [unescape(item) for item in document]
        case {"$number": str(number)} if len(document) == 1:
            return Decimal(number)
        case dict():
            return {
                unescape(key[1:] if _MARKER.fullmatch(key) else key): unescape(value)
                for key, value in document.items()
            }
        case _:
            return document
