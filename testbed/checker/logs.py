"""Whether logs hold what people wrote, their names or their addresses: they must not."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from testbed.checker.report import Defect, Kind
from testbed.traffic.events import SentEvent

# Shorter ones are parts of other words and numbers.
_MIN_TEXT, _MIN_URN, _MIN_FOREIGN_TEXT, _MIN_NUMBER = 6, 5, 4, 8
# Survey answers ride on a message of the platform's, not of a person.
_PLATFORM = "system"


def check_logs(*, sent: Sequence[SentEvent], logs: Mapping[str, str]) -> Iterator[Defect]:
    """What the logs hold of these events that they must not; `logs` are texts by their names."""
    personal = personal_data(
        bodies=(one.event.body for one in sent), group_ids=(one.event.group_id for one in sent)
    )
    for name, log in logs.items():
        for _ in leaks(log=log, personal=personal):
            yield Defect(Kind.LOGGED, f"{name} has what a contact wrote, a name or an address")


def personal_data(*, bodies: Iterable[str], group_ids: Iterable[str]) -> set[str]:
    """Return what of these events must not be in logs, as far as other text cannot be meant.

    A group id holds the address of its contact.
    """
    personal = set(group_ids)
    for body in bodies:
        personal.update(_of_event(body))
    return personal


def leaks(*, log: str, personal: Iterable[str]) -> list[str]:
    """Return what of it is in the log, as it is or escaped as in JSON."""
    return sorted(text for text in personal if text in log or json.dumps(text)[1:-1] in log)


def _of_event(body: str) -> Iterator[str]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, dict):
        return
    urn = data.get("contact_urn")
    if isinstance(urn, str) and len(urn) >= _MIN_URN:
        yield urn
        number = urn.partition(":")[2]
        if len(number) >= _MIN_NUMBER:
            yield number
    message = data.get("message")
    fields = dict(message) if isinstance(message, dict) else {}
    is_of_person = fields.get("source") != _PLATFORM
    names = (fields.get("contact_name") if is_of_person else None, data.get("contact_name"))
    yield from _recognisable((*names, data.get("name"), fields.get("text")))


def _recognisable(texts: Iterable[Any]) -> Iterator[str]:
    for text in texts:
        if isinstance(text, str):
            minimum = _MIN_TEXT if text.isascii() else _MIN_FOREIGN_TEXT
            if len(text.strip()) >= minimum:
                yield text
