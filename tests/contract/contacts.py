"""What the stores have about a contact, as an operator sees it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.test import Client
from django.urls import reverse

from apps.analytics.models import SurveyAnswer
from apps.conversations.models import Conversation
from apps.messages.chat import chat
from apps.messages.entries import timestamp
from apps.messages.transcript import transcript
from apps.messages.versions import Document, identity, identity_of, versions_of
from tests.contract.shapes import Shape
from tests.support.console_client import TRANSCRIPT, page

# The fields of a conversation that an event may change, as far as operators notice.
_FIELDS = ("uuid", "resolution", "contact_name", "external_id", "csat", "nps", "message_count")
UTC = ZoneInfo("UTC")


@dataclass(frozen=True, kw_only=True)
class Contact:
    """The conversations of a contact, oldest first, their messages, and the contact's answers."""

    conversations: Sequence[Conversation]
    messages: Sequence[Document]
    answers: Sequence[SurveyAnswer]

    @property
    def latest(self) -> Conversation | None:
        """The latest conversation."""
        return self.conversations[-1] if self.conversations else None

    @property
    def effects(self) -> tuple[list[Any], Sequence[Document], list[Any]]:
        """What an event may have changed, to be compared."""
        return (
            [[getattr(one, name) for name in _FIELDS] for one in self.conversations],
            self.messages,
            [(one.pk, one.is_replaced, one.lake_event_ids) for one in self.answers],
        )

    def entries(self, message_id: str) -> list[Document]:
        """Return the entries of messages with this id, in both directions."""
        return [one for one in self.messages if one["id"] == message_id]

    def entry(self, shape: Shape) -> Document | None:
        """Return the entry of a shape's message in the latest conversation that has it."""
        name = identity_of(direction=shape.direction, message_id=shape.message_id)
        return next((one for one in reversed(self.messages) if identity(one) == name), None)

    def answer(self, shape: Shape, key: str) -> SurveyAnswer | None:
        """Return the answer to a question in a shape's message."""
        of_message = [one for one in self.answers if one.message_id == shape.message_id]
        return next((one for one in of_message if one.key == key), None)

    def words(self, client: Client) -> str:
        """Return the text of the console's page with the transcript of the latest conversation."""
        if not self.latest:
            return ""
        shown = page(client, reverse(TRANSCRIPT, args=[self.latest.uuid]))
        links = " ".join(one.attributes.get("href", "") for one in shown.all("a"))
        return f"{next(shown.all('body')).text} {links}"


def contact_of(group: str) -> Contact:
    """Return what the stores have about the contact of a message group."""
    conversations = list(Conversation.objects.filter(group_id=group).order_by("opened_at"))
    return Contact(
        conversations=conversations,
        messages=[document for one in conversations for document in transcript(one)],
        # With the conversations as they are now, not when somebody asks for them.
        answers=list(
            SurveyAnswer.objects.filter(group_id=group)
            .select_related("conversation")
            .order_by("pk")
        ),
    )


def shown_texts(entry: Document) -> list[str]:
    """Return the texts of all versions of an entry as the transcript shows them, oldest first."""
    return [_shown_text(version) for version in versions_of(entry)]


def in_json(value: Any) -> Any:
    """Return a value of a conversation as `expect` has it."""
    return timestamp(value) if isinstance(value, datetime) else value


def _shown_text(version: Document) -> str:
    rows = chat([version], timeline_entries=(), contact_name="", zone=UTC)
    (text,) = (row.text for row in rows if row.kind == "message")
    return text
