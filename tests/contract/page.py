"""The page docs/contract/shapes.md: each shape, and what has become of it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import simplejson

from apps.conversations.models import Conversation, Resolution
from apps.conversations.scores import CSAT_KEY, NPS_KEY
from apps.messages.versions import Document
from operations.management.command_line import count
from tests.contract.contacts import in_json, shown_texts
from tests.contract.expectations import Effect, is_at_queue_time
from tests.contract.shapes import Shape
from tests.support.builders import CHANNEL, PROJECT
from tests.support.pages import ROOT

PAGE = ROOT / "docs" / "contract" / "shapes.md"
# The heading of shapes that only prepare a conversation for others.
PREPARATION = "Before the others"

_INTRODUCTION = """\
# What becomes of events

Each row is a message that a test sends to a real worker (`tests/contract/shapes.jsonl`), and what
the stores have afterwards. The rows of one contact are sent in their order. All people are
invented. `make contract` writes this page.
"""
_MAX_SENT = 110
_SURVEYS = {CSAT_KEY: "CSAT", NPS_KEY: "NPS"}
# The fields of messages that most rows have alike, and those of the dummy message of an answer.
_IDENTITY = {"project_uuid": str(PROJECT), "channel_uuid": str(CHANNEL)}
_COMMON = {"contact_name": "Ana Souza", "text": "oi", "created_at": "2026-01-31T12:00:00Z"}
_DUMMY = {"contact_name": "System", "text": "", "created_at": ""}
_WINDOW_FIELDS = ("contact_name", "external_id", "window_start", "window_end", "ticket_uuid")


def page_of(effects: Iterable[Effect]) -> str:
    """Return the text of the page."""
    by_heading: dict[str, list[Effect]] = {}
    for effect in effects:
        by_heading.setdefault(effect.shape.about, []).append(effect)
    by_heading.pop(PREPARATION, None)
    return "\n".join(
        [_INTRODUCTION, *(_section(heading, rows) for heading, rows in by_heading.items())]
    )


def write(text: str) -> None:
    """Write the page."""
    PAGE.write_text(text, encoding="utf-8")


def became(effect: Effect) -> str:
    """Return what has become of a shape, as a phrase."""
    if effect.letter:
        return f"quarantined, `{effect.letter['reason']}`: {effect.letter['error']}"
    parts = [*_of_entry(effect), *_of_answers(effect), *_of_conversation(effect)]
    if effect.is_unchanged:
        parts.append("changes nothing")
    if "counted" in effect.shape.expect:
        parts.append("is counted")
    return "; ".join(parts) or "changes nothing"


def _section(heading: str, effects: Iterable[Effect]) -> str:
    rows = [
        f"| {_cell(one.shape.name)} | {_types(one.shape)} | {_sent(one.shape)} "
        f"| {_cell(became(one))} |"
        for one in effects
    ]
    head = ["| shape | type | what it has | what becomes of it |", "|---|---|---|---|"]
    return "\n".join([f"## {heading}\n", *head, *rows, ""])


def _of_entry(effect: Effect) -> Iterator[str]:
    before, after = effect.before.entry(effect.shape), effect.entry
    if after is None or before == after:
        return
    if after.get("deleted"):
        yield "the entry has no content, because its author deleted it"
        return
    *earlier, text = shown_texts(after)
    if before and before["place"] == after["place"]:
        kept = count(len(earlier), "earlier version")
        yield f'stored as an edit: the text is "{text}", with {kept}'
    else:
        yield f"stored, {_time(after)}"
    if "text" in effect.shape.expect and text:
        yield f'its text is "{text}"'
    if shown := effect.shape.expect.get("shown"):
        words = ", ".join(f'"{word}"' for word in shown)
        yield f"the transcript shows {words}"


def _time(entry: Document) -> str:
    if not is_at_queue_time(entry):
        return f"at {_short(entry['created_at'])}"
    stamped = entry.get("stamped")
    return f'at its queue time, stamped "{stamped}"' if stamped else "at its queue time"


def _short(time: str) -> str:
    return time.replace(".000000Z", "Z")


def _of_answers(effect: Effect) -> Iterator[str]:
    known = {one.pk for one in effect.before.answers}
    for answer in effect.after.answers:
        if answer.pk in known:
            continue
        survey = _SURVEYS.get(answer.key)
        if survey is None:
            yield f"the answer `{answer.value}`"
        elif answer.problem:
            yield f"{survey} answer without a score: {answer.problem}"
        else:
            yield f"{survey} {answer.score}"


def _of_conversation(effect: Effect) -> Iterator[str]:
    before, after = effect.before.latest, effect.after.latest
    if after is None:
        return
    if before and before.pk != after.pk:
        yield "opens the next conversation"
    if after.ended_at and not (before and before.pk == after.pk and before.ended_at):
        resolution = Resolution(after.resolution)
        yield f"closes the conversation with resolution {resolution.value} ({resolution.label})"
    if effect.shape.event_type == "conversation.window":
        yield from _window_fields(before, after)


def _window_fields(before: Conversation | None, after: Conversation) -> Iterator[str]:
    if before is None:
        yield "opens a conversation"
    for name in _WINDOW_FIELDS:
        value = getattr(after, name, None)
        if value and value != getattr(before, name, None):
            yield f"`{name}` is {_short(str(in_json(value)))}"


def _types(shape: Shape) -> str:
    """Return the type in the body, and that in the message attribute."""
    in_body = shape.event.get("event_type") if isinstance(shape.event, dict) else None
    in_attribute = shape.attributes.get("event_type", {}).get("StringValue", "")
    types = [str(in_body or ""), f"{in_attribute} in the attribute" if in_attribute else ""]
    return ", ".join(one for one in types if one)


def _sent(shape: Shape) -> str:
    """Return the part of a body that distinguishes it, in a code span; "" if nothing does."""
    distinct = _distinct(shape) if isinstance(shape.event, dict) else None
    text = shape.body if distinct is None else _json(distinct) if distinct else ""
    shortened = text if len(text) <= _MAX_SENT else f"{text[: _MAX_SENT - 1]}…"
    return f"`{_cell(shortened)}`" if text else ""


def _distinct(shape: Shape) -> dict[str, Any]:
    top = _without(shape.event, {"event_type": shape.event.get("event_type")}, {"data"})
    if isinstance(top.get("correlation_id"), str):
        del top["correlation_id"]
    data = shape.event.get("data")
    if not isinstance(data, dict):
        return top if data is None else {**top, "data": data}
    urn = data.get("contact_urn")
    known = {**_IDENTITY, "contact_urn": urn if shape.group.endswith(str(urn)) else None}
    message = _distinct_fields(shape) if shape.message else data.get("message")
    return {
        **top,
        **_without(data, known, {"message"}),
        **({"message": message} if message else {}),
    }


def _distinct_fields(shape: Shape) -> dict[str, Any]:
    message = shape.message
    common = _DUMMY if message.get("source") == "system" else _COMMON
    identifier = message.get("id")
    is_usual = isinstance(identifier, str) and bool(identifier.strip())
    uninteresting = {"source": True, "id": is_usual, "created_at": shape.about != "Times"}
    names = [name for name, leave_out in uninteresting.items() if leave_out]
    return _without(message, common, names)


def _without(
    document: Mapping[str, Any], known: Mapping[str, Any], names: Iterable[str]
) -> dict[str, Any]:
    """Return the fields of a document that are not among `names` and have no known value."""
    return {
        name: value
        for name, value in document.items()
        if name not in names and not (name in known and known[name] == value)
    }


def _json(document: dict[str, Any]) -> str:
    text: str = simplejson.dumps(document, ensure_ascii=False, use_decimal=True, allow_nan=True)
    return text.encode("utf-8", "backslashreplace").decode()


def _cell(text: str) -> str:
    """Return a text for the cell of a table."""
    return text.replace("|", "\\|").replace("\n", " ")
