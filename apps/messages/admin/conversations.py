"""Conversations in the admin site, with their transcripts and the number of their messages."""

from typing import Any, ClassVar

from django.contrib import admin

from apps.common.errors import Unavailable
from apps.conversations.admin.conversations import ConversationAdmin
from apps.conversations.models import Conversation
from apps.messages import store
from apps.messages.admin.transcript_link import transcript_link

# DynamoDB reads up to a megabyte for each page of a count.
MAX_COUNTED_PAGES = 4

_IDENTITY, *_DETAILS = ConversationAdmin.fieldsets
_MESSAGES = (
    "Messages",
    {
        "fields": (
            "transcript",
            "in_dynamodb",
            "message_count",
            "first_message_at",
            "last_message_at",
            "archived_at",
            "archive_check_at",
            "archive_deleted_at",
            "messages_before_reopening",
        )
    },
)


@admin.register(Conversation)
class ConversationWithMessagesAdmin(ConversationAdmin):
    """Conversations. Only the page of one counts messages in DynamoDB; the list does not."""

    fieldsets: ClassVar[Any] = (_IDENTITY, _MESSAGES, *_DETAILS)
    for_readers = ("transcript",)

    @admin.display(description="messages")
    def transcript(self, conversation: Conversation) -> str:
        """Return a link to the transcript."""
        return transcript_link(conversation.pk)

    @admin.display(description="in DynamoDB now")
    def in_dynamodb(self, conversation: Conversation) -> str:
        """Return how many messages DynamoDB has, or why they cannot be counted."""
        try:
            count = store.bounded_count(conversation.pk, max_pages=MAX_COUNTED_PAGES)
        except Unavailable:
            return "DynamoDB does not answer. Reload the page in a minute."
        number = str(count.versions) if count.is_complete else f"at least {count.versions}"
        return f"{number} (each version of a message counts; archived ones stay until they expire)"
