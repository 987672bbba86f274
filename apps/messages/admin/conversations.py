"""Conversations in the admin site, with their transcripts and the number of their messages."""

from typing import Any, ClassVar

from django.contrib import admin
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.common.errors import Unavailable
from apps.conversations.admin.conversations import ConversationAdmin
from apps.conversations.models import Conversation
from apps.messages import store
from apps.messages.admin.transcript_link import transcript_link

# DynamoDB reads up to a megabyte for each page of a count.
MAX_COUNTED_PAGES = 4

_IDENTITY, *_DETAILS = ConversationAdmin.fieldsets
_MESSAGES = (
    _("Messages"),
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

    @admin.display(description=_("messages"))
    def transcript(self, conversation: Conversation) -> str:
        """Return a link to the transcript."""
        return transcript_link(conversation.pk)

    @admin.display(description=_("in DynamoDB now"))
    def in_dynamodb(self, conversation: Conversation) -> str:
        """Return how many messages DynamoDB has, or why they cannot be counted."""
        try:
            count = store.bounded_count(conversation.pk, max_pages=MAX_COUNTED_PAGES)
        except Unavailable:
            return gettext("DynamoDB does not answer. Reload the page in a minute.")
        sentence = (
            gettext(
                "%(count)d (each version of a message counts; archived ones stay until they expire)"
            )
            if count.is_complete
            else gettext(
                "at least %(count)d (each version of a message counts; archived ones stay until "
                "they expire)"
            )
        )
        return sentence % {"count": count.versions}
