"""Reads the sample events. The `expect` field of each describes its effect."""

import json
import re
from datetime import datetime
from importlib.resources import files

from embedded.commands import CommandError
from testbed.traffic.events import (
    Answer,
    Closing,
    Contact,
    Effect,
    Invalid,
    JsonObject,
    Message,
    PlannedEvent,
    Window,
    sortable,
)
from testbed.traffic.scores import SCORES

# Each contact of the samples has one conversation. One sample opens a second one.
_CONVERSATION = 1
_STORED = re.compile(r"stored\b|one message in the transcript|opens the next conversation")
_NEXT = re.compile(r"opens the next conversation")
_UNSCORABLE = re.compile(r"an answer without a score, with the reason")
_ANSWERED = re.compile(
    r"conversation\.(?P<field>csat|nps) (?P<score>\d+)|counted and sent to the lake; no score"
    r"|on the closed conversation"
)
_CLOSED = re.compile(r"conversation closed, resolution (?P<resolution>\d)")
_UPDATED = re.compile(r"conversation updated \(external id, name\); still in progress")
_QUARANTINED = re.compile(r"quarantine\b")


def sample_events() -> list[PlannedEvent]:
    """Return the samples in sending order. Raises CommandError for an unknown `expect`."""
    return [planned_sample(row, number=number) for number, row in enumerate(sample_rows(), start=1)]


def sample_rows() -> list[JsonObject]:
    """Return the messages for SQS, each with its `name` and what to `expect`."""
    text = files("demo").joinpath("sample_events.jsonl").read_text(encoding="utf-8")
    # splitlines would also split at line separators within JSON strings.
    return [json.loads(line) for line in text.split("\n") if line]


def planned_sample(row: JsonObject, *, number: int) -> PlannedEvent:
    """Return the event of a row, with its effect. Raises CommandError for an unknown `expect`."""
    effect = _effect(name=row["name"], expect=row["expect"], body=row["MessageBody"])
    attributes = {name: one["StringValue"] for name, one in row["MessageAttributes"].items()}
    return PlannedEvent(
        number=number,
        at=0.0,
        contact=_contact(row, effect=effect),
        group_id=row["MessageGroupId"],
        deduplication_id=row["MessageDeduplicationId"],
        body=row["MessageBody"],
        effect=effect,
        attributes=attributes,
    )


def _contact(row: JsonObject, *, effect: Effect) -> Contact:
    """Return the contact of an event, or one with the event's group if the event is invalid."""
    if isinstance(effect, Invalid):
        return Contact(project="", channel="", urn=row["MessageGroupId"])
    data = json.loads(row["MessageBody"])["data"]
    return Contact(
        project=data["project_uuid"], channel=data["channel_uuid"], urn=data["contact_urn"]
    )


def _effect(*, name: str, expect: str, body: str) -> Effect:
    if _QUARANTINED.match(expect):
        return Invalid(reason="")
    document = json.loads(body)
    data = document["data"]
    if _STORED.match(expect):
        return _message(data["message"], opens_next=bool(_NEXT.match(expect)))
    if _UNSCORABLE.match(expect):
        return Answer(
            message_id=data["message"]["id"],
            key=data["key"],
            value=data["value"],
            score=None,
            # Its contact has not written anything yet.
            conversation=0,
            unscorable=True,
        )
    if answer := _ANSWERED.match(expect):
        source = data if "key" in data else document
        return _answer(data["message"]["id"], source["key"], source["value"], expected=answer)
    window = {
        "external_id": data.get("external_id") or data.get("id") or "",
        "contact_name": data.get("name") or data.get("contact_name") or "",
    }
    if closed := _CLOSED.match(expect):
        return Closing(conversation=_CONVERSATION, resolution=int(closed["resolution"]), **window)
    if _UPDATED.match(expect):
        return Window(conversation=_CONVERSATION, **window)
    raise CommandError(f"The sample {name!r} has an unknown `expect`: {expect!r}.")


def _message(message: JsonObject, *, opens_next: bool) -> Message:
    created_at = message["created_at"]
    return Message(
        message_id=message.get("id") or message["message_id"],
        created_at=sortable(datetime.fromisoformat(created_at)) if created_at else None,
        conversation=_CONVERSATION + opens_next,
        opens=opens_next,
    )


def _answer(message_id: str, key: str, value: str, *, expected: re.Match[str]) -> Answer:
    score = int(value) if key in SCORES else None
    if expected["score"] and (key, score) != (f"weni_{expected['field']}", int(expected["score"])):
        raise CommandError(f"A sample expects {expected[0]!r}, but has another answer.")
    return Answer(
        message_id=message_id, key=key, value=value, score=score, conversation=_CONVERSATION
    )
