"""Checks that logs contain no texts, names or addresses of people."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from testbed.checker.report import Defect, Kind
from testbed.traffic.events import SentEvent

# Shorter values may be parts of other words and numbers.
_MIN_TEXT, _MIN_URN, _MIN_FOREIGN_TEXT, _MIN_NUMBER = 6, 5, 4, 8
# The source of the dummy messages with survey answers, which no person wrote.
_PLATFORM = "system"


def check_logs(*, sent: Sequence[SentEvent], logs: Mapping[str, str]) -> Iterator[Defect]:
    """Yield a defect for each personal datum of the events in a log. `logs` are by their names."""
    personal = personal_data(
        bodies=(one.event.body for one in sent), group_ids=(one.event.group_id for one in sent)
    )
    for name, log in logs.items():
        for _ in leaks(log=log, personal=personal):
            yield Defect(Kind.LOGGED, f"{name} contains what a contact wrote, a name or an address")


def personal_data(*, bodies: Iterable[str], group_ids: Iterable[str]) -> set[str]:
    """Return the personal data of these events, except for values that may be other text.

    Group ids are included, because they contain the address of the contact.
    """
    personal = set(group_ids)
    for body in bodies:
        personal.update(_of_event(body))
    return personal


def leaks(*, log: str, personal: Iterable[str]) -> list[str]:
    """Return the personal data in a log, plain or escaped as in JSON."""
    pieces = set(_pieces(log))

    def is_in_log(text: str) -> bool:
        # Few texts consist only of pieces that the log has, and only these are searched for in it.
        return all(piece in pieces for piece in _pieces(text)) and text in log

    return sorted(text for text in personal if is_in_log(text) or is_in_log(json.dumps(text)[1:-1]))


def _pieces(text: str) -> Iterator[str]:
    """Yield all parts of a text that are as long as the shortest text that is searched for."""
    return (text[at : at + _MIN_FOREIGN_TEXT] for at in range(len(text) - _MIN_FOREIGN_TEXT + 1))


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
    yield from _unmistakable((*names, data.get("name"), fields.get("text")))


def _unmistakable(texts: Iterable[Any]) -> Iterator[str]:
    for text in texts:
        if isinstance(text, str):
            minimum = _MIN_TEXT if text.isascii() else _MIN_FOREIGN_TEXT
            if len(text.strip()) >= minimum:
                yield text
