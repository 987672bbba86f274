"""Reads the entries in items of the message table, without the service's code."""

import zlib
from base64 import b64decode
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

_DICTIONARIES = Path(__file__).resolve().parents[1] / "apps" / "messages" / "dictionaries"
# RFC 1950: two bytes of a header, of which a bit says that the checksum of a dictionary follows.
_HAS_DICTIONARY = 0x20
_HEADER_BYTES = 6


def entry_of(item: Mapping[str, Any]) -> str:
    """Return the text in the item's `entry`, or "" if it has none.

    Binary values may be bytes, as boto3 returns them, or base64, as DynamoDB sends them. Raises
    ValueError if the entry is damaged.
    """
    match item.get("entry", {}):
        case {"S": str(text)}:
            return text
        case {"B": data}:
            stored = b64decode(data) if isinstance(data, str) else bytes(data)
            return decompressed(stored, item).decode()
        case _:
            return ""


def decompressed(data: bytes, head: Mapping[str, Any]) -> bytes:
    """Return data that belong to this head, decompressed if it names a dictionary.

    Raises ValueError if the data are not those of RFC 1950 or do not have their checksums.
    """
    if "dictionary" not in head:
        return data
    dictionary = _dictionary(int(head["dictionary"]["N"]))
    flags, expected = data[1], int.from_bytes(data[2:_HEADER_BYTES], "big")
    if not flags & _HAS_DICTIONARY or expected != zlib.adler32(dictionary):
        raise ValueError("an entry is compressed with another dictionary than its item says")
    # Negative window bits mean data without the header and the checksum.
    inflater = zlib.decompressobj(-zlib.MAX_WBITS, zdict=dictionary)
    text = inflater.decompress(data[_HEADER_BYTES:])
    if int.from_bytes(inflater.unused_data, "big") != zlib.adler32(text):
        raise ValueError("a compressed entry is damaged")
    return text


@cache
def _dictionary(number: int) -> bytes:
    return (_DICTIONARIES / f"{number}.txt").read_bytes()
