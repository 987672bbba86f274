"""The JSON of the stores, read back into what producers sent.

A character that a store refuses is kept as the six characters ``\\uXXXX``, the backslash of such
six characters of a producer as ``\\u005c``, and a number out of all bounds as
``{"$number": "<as it was written>"}``; a key that looks like that has one more ``$``.
"""

import json
import re
from decimal import Decimal
from typing import Any

_ESCAPED = re.compile(r"\\u([0-9a-f]{4})")
_MARKER = re.compile(r"\$+number")


def read_json(text: str | bytes) -> Any:
    """Return the document with exact numbers, and everything escaped as it is."""
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
