"""Compresses the text of messages with zlib and a dictionary that all of them share.

A dictionary (RFC 1950, "preset dictionary") has the JSON keys and the phrases that many messages
have in common, and nothing that a customer wrote. It is a file whose name is its number. Compressed
data is stored with this number and can be read only with the same bytes, so a file never changes.

To add a dictionary, add its file in one release, and use it for writing in the next one. Otherwise
workers that still run the former release could not read what the new ones write. Keep the former
dictionary for 48 hours, until all items that it has compressed have expired.
"""

import zlib
from functools import cache
from pathlib import Path

from apps.common.errors import ConversationServiceError

# The dictionary for writing.
DICTIONARY = 1
_FOLDER = Path(__file__).with_name("dictionaries")


class Unreadable(ConversationServiceError):
    """Compressed data is damaged, or its dictionary is not part of this release."""


def compress(data: bytes) -> bytes:
    """Return `data` in zlib's format, compressed with the dictionary for writing."""
    compressor = zlib.compressobj(zdict=read_dictionary(DICTIONARY))
    return compressor.compress(data) + compressor.flush()


def decompress(data: bytes, *, dictionary: int) -> bytes:
    """Return what `compress` was called with when it used this dictionary. Raise Unreadable."""
    decompressor = zlib.decompressobj(zdict=read_dictionary(dictionary))
    try:
        decompressed = decompressor.decompress(data)
    except zlib.error as error:
        raise Unreadable(f"its data is damaged: {error}") from error
    # zlib raises no error if the end is missing, because its checksum is at the end.
    if not decompressor.eof or decompressor.unused_data:
        raise Unreadable("its data is damaged: it does not end where it should")
    return decompressed


@cache
def read_dictionary(number: int) -> bytes:
    """Return the content of the dictionary with this number. Raise Unreadable."""
    try:
        return (_FOLDER / f"{number}.txt").read_bytes()
    except FileNotFoundError as error:
        raise Unreadable(
            f"it is compressed with dictionary {number}, which this release does not have. A newer "
            "release has written it: run that release"
        ) from error
