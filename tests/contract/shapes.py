"""The shapes: bodies as producers send them, each with what must become of it.

`shapes.jsonl` has a message for SQS in each line, and three fields for tests: `about`, the heading
under which the page lists it, its unique `name`, and `expect`, which tests.contract.expectations
reads.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from importlib.resources import files
from itertools import zip_longest
from typing import Any

# The adapters that some shapes need.
ADAPTERS = ("sns", "flow_ticket")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A message for SQS. `attributes` are in the form of SendMessage, `body` is the text."""

    about: str
    name: str
    expect: Mapping[str, Any]
    group: str
    deduplication_id: str
    attributes: Mapping[str, Mapping[str, str]]
    body: str

    @cached_property
    def event(self) -> Any:
        """The JSON of the body, with exact numbers, or None if it is none.

        That of an SNS envelope is the JSON of the message in it.
        """
        try:
            event = json.loads(self.body.lstrip("\ufeff"), parse_float=Decimal)
        except ValueError:
            return None
        return json.loads(event["Message"]) if _is_envelope(event) else event

    @property
    def event_type(self) -> str:
        """The type in the body, or else the one in the message attribute, or ""."""
        in_body = self.event.get("event_type") if isinstance(self.event, dict) else None
        return str(in_body or self.attributes.get("event_type", {}).get("StringValue", ""))

    @property
    def message(self) -> dict[str, Any]:
        """The `message` in `data`; empty if there is none."""
        data = self.event.get("data") if isinstance(self.event, dict) else None
        message = data.get("message") if isinstance(data, dict) else None
        return message if isinstance(message, dict) else {}

    @property
    def message_id(self) -> str:
        """The id of the message, or ""."""
        return str(self.message.get("id") or self.message.get("message_id") or "")

    @property
    def direction(self) -> str:
        """Whether the message was received or sent."""
        if self.event_type == "message.deleted":
            return str(self.event["data"].get("direction") or "received")
        return self.event_type.rpartition(".")[2]


def read_shapes() -> list[Shape]:
    """Return the shapes in sending order."""
    text = files("tests.contract").joinpath("shapes.jsonl").read_text(encoding="utf-8")
    return [
        Shape(
            about=row["about"],
            name=row["name"],
            expect=row["expect"],
            group=row["MessageGroupId"],
            deduplication_id=row["MessageDeduplicationId"],
            attributes=row["MessageAttributes"],
            body=row["MessageBody"],
        )
        for row in map(json.loads, text.splitlines())
    ]


def rounds(shapes: Iterable[Shape]) -> list[list[Shape]]:
    """Return the shapes in rounds with one shape of each contact, in the order of each contact."""
    of_contacts: dict[str, list[Shape]] = {}
    for shape in shapes:
        of_contacts.setdefault(shape.group, []).append(shape)
    return [
        [shape for shape in one_round if shape] for one_round in zip_longest(*of_contacts.values())
    ]


def _is_envelope(event: Any) -> bool:
    return isinstance(event, dict) and event.get("Type") == "Notification"
