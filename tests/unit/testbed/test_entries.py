"""The test bed reads compressed entries by RFC 1950, and notices what is wrong."""

import zlib
from base64 import b64encode
from typing import Any

import pytest

from apps.messages.compression import compress
from testbed.entries import decompressed, entry_of

TEXT = '{"text":"Olá! Como posso ajudar?"}'
ITEM: dict[str, Any] = {"entry": {"B": compress(TEXT.encode())}, "dictionary": {"N": "1"}}


def with_data(data: bytes) -> dict[str, Any]:
    return {**ITEM, "entry": {"B": data}}


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ({"entry": {"S": TEXT}}, TEXT),
        (ITEM, TEXT),
        (with_data(b64encode(ITEM["entry"]["B"]).decode()), TEXT),  # type: ignore[arg-type]
        ({"chunk": {"B": b"x"}}, ""),
        ({"status": {"S": "read"}}, ""),
    ],
    ids=["text", "compressed", "in base64", "a chunk", "a status"],
)
def test_the_text_of_an_entry_is_returned(item: dict[str, Any], text: str) -> None:
    assert entry_of(item) == text


def test_data_of_a_head_without_a_dictionary_is_not_compressed() -> None:
    assert decompressed(b"as it is", {"chunks": {"N": "1"}}) == b"as it is"


@pytest.mark.parametrize(
    "data",
    [
        zlib.compress(TEXT.encode()),
        ITEM["entry"]["B"][:2] + b"\0\0\0\0" + ITEM["entry"]["B"][6:],
        ITEM["entry"]["B"][:-1],
        ITEM["entry"]["B"][:-4] + b"\0\0\0\0",
    ],
    ids=["no dictionary", "another dictionary", "a missing end", "another checksum"],
)
def test_damaged_data_is_an_error(data: bytes) -> None:
    with pytest.raises(ValueError, match="compressed"):
        entry_of(with_data(data))
