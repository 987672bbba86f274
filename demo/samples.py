"""The sample events, with their `expect` field read as the effect that they must have."""

import json
import re
from importlib.resources import files

from demo.events import (
    Answered,
    Changed,
    ConversationName,
    Effect,
    JsonObject,
    PlannedEvent,
    Quarantined,
    Stored,
)

# Every contact of the samples has one conversation, so that naming the contact names it.
_STORED = re.compile(r"stored\b|one message in the transcript|in its archive, in its place")
_ANSWERED = re.compile(
    r"conversation\.(?P<field>csat|nps) (?P<score>\d+)|counted and sent to the lake; no score"
    r"|on the closed conversation"
)
_CLOSED = re.compile(r"conversation closed, resolution (?P<resolution>\d)")
_UPDATED = re.compile(r"conversation updated \(external id, name\); still in progress")
_QUARANTINED = re.compile(r"quarantine\b")


def sample_events() -> list[PlannedEvent]:
    """The samples in sending order. Raises ValueError for an `expect` that says nothing known."""
    text = files("demo").joinpath("sample_events.jsonl").read_text(encoding="utf-8")
    # Not splitlines: a line separator within JSON text ends no line.
    return [_planned(json.loads(line)) for line in text.split("\n") if line]


def _planned(row: JsonObject) -> PlannedEvent:
    return PlannedEvent(
        body=row["MessageBody"],
        group_id=row["MessageGroupId"],
        deduplication_id=row["MessageDeduplicationId"],
        attributes=row["MessageAttributes"],
        effect=_effect(name=row["name"], expect=row["expect"], body=row["MessageBody"]),
    )


def _effect(*, name: str, expect: str, body: str) -> Effect:
    if _QUARANTINED.match(expect):
        return Quarantined()
    document = json.loads(body)
    data = document["data"]
    conversation = ConversationName(
        project_uuid=data["project_uuid"],
        channel_uuid=data["channel_uuid"],
        contact_urn=data["contact_urn"],
    )
    if _STORED.match(expect):
        return Stored(conversation=conversation)
    if answer := _ANSWERED.match(expect):
        source = data if "key" in data else document
        return _answer(conversation, source["key"], source["value"], expected=answer)
    if closed := _CLOSED.match(expect):
        return _change(conversation, data, resolution=int(closed["resolution"]))
    if _UPDATED.match(expect):
        return _change(conversation, data, resolution=None)
    raise ValueError(f"The sample {name!r} expects something that the demo does not know.")


def _answer(
    conversation: ConversationName, key: str, value: str, *, expected: re.Match[str]
) -> Answered:
    score = int(value) if key in ("weni_csat", "weni_nps") else None
    if expected["score"] and (key, score) != (f"weni_{expected['field']}", int(expected["score"])):
        raise ValueError(f"A sample expects {expected[0]!r}, but carries another answer.")
    return Answered(conversation=conversation, key=key, value=value, score=score)


def _change(conversation: ConversationName, data: JsonObject, *, resolution: int | None) -> Changed:
    return Changed(
        conversation=conversation,
        resolution=resolution,
        external_id=data.get("external_id") or data.get("id"),
        contact_name=data.get("name") or data.get("contact_name"),
    )
