"""The messages in DynamoDB's items."""

import base64
import json
from collections import defaultdict
from typing import Any

Entry = dict[str, Any]


def stored_entries(items: list[dict[str, Any]]) -> dict[str, list[Entry]]:
    """By conversation, every version of every message; `items` in DynamoDB's JSON.

    A body beyond the size of an item is in chunks, whose keys are that of their head and a number.
    A head without all of its chunks cannot be read, and is KeyError: nothing writes it so.
    """
    chunks = {
        (_text(item, "conversation_uuid"), _text(item, "message_key")): item["chunk"]["B"]
        for item in items
        if "chunk" in item
    }
    entries: defaultdict[str, list[Entry]] = defaultdict(list)
    for item in items:
        uuid, key = _text(item, "conversation_uuid"), _text(item, "message_key")
        if "entry" in item:
            entries[uuid].append(json.loads(_text(item, "entry")))
        elif "chunks" in item:
            pieces = [
                base64.b64decode(chunks[uuid, f"{key}#{number:04d}"])
                for number in range(int(item["chunks"]["N"]))
            ]
            entries[uuid].append(json.loads(b"".join(pieces)))
    return dict(entries)


def _text(item: dict[str, Any], name: str) -> str:
    return str(item[name]["S"])
