"""What must be true of a history whose places have no order.

No rule says which conversations such events find. But each event's message and answer are in the
conversation that it found, once, and nothing else is.
"""

from collections import defaultdict
from typing import Any

from tests.histories.events import Event, Kind
from tests.histories.expectations import DELETED, body_of
from tests.histories.oracle import OPEN, is_deleted_by, scored

NOWHERE = "nowhere"


def expected_contents(
    events: list[Event], homes: dict[int, str | None], deletions: dict[int, str]
) -> dict[str, Any]:
    """Return the messages and answers of each conversation.

    `homes` are the conversations that events found, `deletions` those that deletions belong to.
    """
    deleted = [(one, deletions[one.number]) for one in events if one.number in deletions]
    messages, answers = defaultdict[str, set[Any]](set), defaultdict[str, set[Any]](set)
    for event in events:
        home = homes.get(event.number)
        if event.kind is Kind.ANSWER:
            value, *_ = scored(event)
            answers[home or NOWHERE].add((event.key, event.message_id, value))
        is_message = event.kind in (Kind.RECEIVED, Kind.SENT)
        if is_message or (event.kind is Kind.ANSWER and event.text and home):
            direction = "sent" if event.kind is Kind.SENT else "received"
            is_deleted = any(home == name and is_deleted_by(one, event) for one, name in deleted)
            body = DELETED if is_deleted else str(body_of(event))
            messages[home or NOWHERE].add((direction, event.message_id, body))
    return {"messages": _sorted(messages), "answers": _sorted(answers), "faults": []}


def contents(result: dict[str, Any]) -> dict[str, Any]:
    """Return what is stored, in the form of `expected_contents`, and which counts are wrong."""
    found = result["conversations"]
    messages = {
        name: [
            (direction, message_id, body)
            for direction, message_id, bodies in one["transcript"]
            for body in bodies
        ]
        for name, one in found.items()
    }
    answers = {name: one["answers"] for name, one in found.items()} | {NOWHERE: result["homeless"]}
    faults = [f"{name}: {fault}" for name, one in found.items() for fault in _faults(one)]
    if sum(one["resolution"] == OPEN for one in found.values()) > 1:
        faults.append("several conversations are open")
    stored = {name: [answer[:3] for answer in each] for name, each in answers.items()}
    return {"messages": _sorted(messages), "answers": _sorted(stored), "faults": faults}


def _faults(one: dict[str, Any]) -> list[str]:
    """Return what is wrong about the answers that count in a conversation.

    Of the valid answers at least one counts, and at most one for each opening and reopening.
    """
    faults = []
    for key, field in (("weni_csat", "csat"), ("weni_nps", "nps")):
        valid = [answer for answer in one["answers"] if answer[0] == key and answer[3] != "None"]
        scores = [int(answer[3]) for answer in valid if answer[4]]
        is_possible = bool(valid) <= len(scores) <= len(one["spans"])
        has_its_score = one[field] in scores if scores else one[field] is None
        if not (is_possible and has_its_score):
            faults.append(f"{key} counts {scores}, the score is {one[field]}")
    return faults


def _sorted(of_names: Any) -> dict[str, list[Any]]:
    return {name: sorted(each) for name, each in of_names.items() if each}
