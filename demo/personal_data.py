"""Whether logs hold what people wrote, their names or their addresses: they must not."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

# Shorter ones are parts of other words and numbers.
_SHORTEST, _SHORTEST_URN, _SHORTEST_FOREIGN, _SHORTEST_NUMBER = 6, 5, 4, 8
# Survey answers ride on a message of the platform's, not of a person.
_PLATFORM = "system"


def personal_data(*, bodies: Iterable[str], group_ids: Iterable[str]) -> set[str]:
    """What of these events must not be in logs, as far as it can be told from other text.

    A group id holds the address of its contact.
    """
    personal = set(group_ids)
    for body in bodies:
        personal.update(_of_event(body))
    return personal


def leaks(*, log: str, personal: Iterable[str]) -> list[str]:
    """What of it is in the log, as it is or escaped as in JSON."""
    return sorted(text for text in personal if text in log or json.dumps(text)[1:-1] in log)


def _of_event(body: str) -> Iterator[str]:
    try:
        document = json.loads(body)
    except ValueError:
        return
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, dict):
        return
    urn = data.get("contact_urn")
    if isinstance(urn, str) and len(urn) >= _SHORTEST_URN:
        yield urn
        number = urn.partition(":")[2]
        if len(number) >= _SHORTEST_NUMBER:
            yield number
    message = data.get("message")
    fields = dict(message) if isinstance(message, dict) else {}
    is_of_person = fields.get("source") != _PLATFORM
    names = (fields.get("contact_name") if is_of_person else None, data.get("contact_name"))
    yield from _recognisable((*names, data.get("name"), fields.get("text")))


def _recognisable(texts: Iterable[Any]) -> Iterator[str]:
    for text in texts:
        if isinstance(text, str):
            shortest = _SHORTEST if text.isascii() else _SHORTEST_FOREIGN
            if len(text.strip()) >= shortest:
                yield text
