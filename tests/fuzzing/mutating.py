"""Changes inputs of the fuzzer without breaking their JSON, which random bytes nearly always do."""

import json
import random
from collections.abc import Iterator
from typing import Any

import atheris

_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 4, 1.5, 1e308, 10**30, [], {}, [{}], {"uuid": 1}),
    *(
        "",
        " ",
        "0",
        "5",
        "true",
        "null",
        "sent",
        "received",
        "weni_csat",
        "weni_nps",
        "\0",
        "\ud800",
    ),
    *("00000000-0000-0000-0000-000000000000", "2099-01-01T00:00:00Z", "2026-01-31", "1738324800"),
)
# How many inputs in a hundred are changed byte by byte, so that some are not JSON.
_BROKEN_PERCENT = 5


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """Return an input with another value, name or order in its JSON: a `custom_mutator`."""
    chance = random.Random(seed)  # noqa: S311 (repeatable, not secret)
    attribute, _, body = data.partition(b"\n")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return bytes(atheris.Mutate(data, max_size))
    places = list(_places(document))
    if not places or chance.randrange(100) < _BROKEN_PERCENT:
        return bytes(atheris.Mutate(data, max_size))
    parent, name = chance.choice(places)
    match chance.randrange(4):
        case 0:
            del parent[name]
        case 1:
            parent[name] = chance.choice(_VALUES)
        case 2:
            other, other_name = chance.choice(places)
            parent[name] = json.loads(json.dumps(other[other_name]))
        case _:
            text = json.dumps(parent[name]).strip('"').encode()
            parent[name] = atheris.Mutate(text, len(text) + 20).decode(errors="replace")
    changed = attribute + b"\n" + json.dumps(document).encode()
    return changed if len(changed) <= max_size else data


def _places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each object or list in a document with each of its names or indexes."""
    match document:
        case dict():
            names: Any = document.keys()
        case list():
            names = range(len(document))
        case _:
            return
    for name in names:
        yield document, name
        yield from _places(document[name])
