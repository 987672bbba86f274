"""What the demo publishes, and the effect that each event must have."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

JsonObject = dict[str, Any]

RESOLVED, UNRESOLVED, IN_PROGRESS, UNCLASSIFIED, HAS_CHAT_ROOM = range(5)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationName:
    """The `number`-th conversation, counted from 1, of a contact of a project on a channel."""

    project_uuid: str
    channel_uuid: str
    contact_urn: str
    number: int = 1

    def __str__(self) -> str:
        return f"conversation {self.number} of {self.contact_urn}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The message is in the conversation, once; other text under the same id is its edit."""

    conversation: ConversationName


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The answer is recorded for the conversation, once, and the lake is told; no chat message."""

    conversation: ConversationName
    key: str
    value: str
    score: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """The conversation has what is not None here; a resolution closes and archives it."""

    conversation: ConversationName
    resolution: int | None = None
    external_id: str | None = None
    contact_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """The event is whole in the dead-letter queue, and has no other effect."""


Effect = Stored | Answered | Changed | Quarantined


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedEvent:
    """A message for the queue, in the producers' form, and what must become of it."""

    body: str
    group_id: str
    deduplication_id: str
    attributes: dict[str, Any]
    effect: Effect

    def as_batch_entry(self, *, entry_id: str) -> "SendMessageBatchRequestEntryTypeDef":
        """An entry of SendMessageBatch."""
        return {
            "Id": entry_id,
            "MessageBody": self.body,
            "MessageGroupId": self.group_id,
            "MessageDeduplicationId": self.deduplication_id,
            "MessageAttributes": self.attributes,
        }


def plan_event(
    *,
    conversation: ConversationName,
    event_type: str,
    unique: str,
    body: JsonObject | str,
    effect: Effect,
) -> PlannedEvent:
    """An event as a producer sends it. `unique` tells it from the other events of its type.

    A body that is text is sent as it stands, JSON or not.
    """
    identity = (conversation.project_uuid, conversation.channel_uuid)
    told = (event_type, *identity)
    names = ("event_type", "project_uuid", "channel_uuid")
    return PlannedEvent(
        body=body if isinstance(body, str) else json.dumps(body),
        group_id=":".join((*identity, conversation.contact_urn)),
        deduplication_id=f"{event_type.replace('.', '-')}-{unique}",
        attributes={
            name: {"StringValue": value, "DataType": "String"}
            for name, value in zip(names, told, strict=True)
        },
        effect=effect,
    )
