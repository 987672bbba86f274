"""The parts of archives in the admin site."""

from collections.abc import Mapping
from typing import ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern
from django.utils.translation import gettext_lazy as _

from apps.conversations.admin.base import ReadOnlyAdmin
from apps.conversations.admin.cells import age
from apps.conversations.admin.links import CONVERSATION, Link
from apps.conversations.search import by_uuid
from apps.messages import admin_views
from apps.messages.admin.transcript_link import transcript_link
from apps.messages.models import ConversationMessages


@admin.register(ConversationMessages)
class ConversationMessagesAdmin(ReadOnlyAdmin):
    """The parts of all archives, without their messages; the transcript page shows those."""

    list_display = (
        "conversation",
        "part",
        "message_count",
        "readable_size",
        "first_message",
        "last_message",
    )
    list_display_links = ("part",)
    list_help = _("To read the messages, open the transcript of the conversation.")
    search_fields = ("conversation",)
    search_help_text = _("The UUID of a conversation.")
    ordering = ("-id",)
    fields = (
        "conversation",
        "part",
        "transcript",
        "message_count",
        "readable_size",
        "first_message_at",
        "last_message_at",
        "first_position",
    )
    links: ClassVar[Mapping[str, Link]] = {"conversation": CONVERSATION}
    for_readers = ("transcript",)

    def get_urls(self) -> list[URLPattern]:
        """Return the URLs, the transcript's first: the last URL of the admin matches any path."""
        return [*admin_views.urls(self.admin_site), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ConversationMessages]:
        """Return the parts without their messages, which are large."""
        return super().get_queryset(request).defer("messages", "message_ids", "merged_places")

    def get_search_results(
        self, _request: HttpRequest, parts: QuerySet[ConversationMessages], term: str
    ) -> tuple[QuerySet[ConversationMessages], bool]:
        """Return the parts of the conversation with this UUID."""
        return by_uuid(parts, term, field="conversation_id"), False

    @admin.display(description=_("size"))
    def readable_size(self, part: ConversationMessages) -> str:
        """Return the size with a unit."""
        return filesizeformat(part.size)

    @admin.display(description=_("first message"))
    def first_message(self, part: ConversationMessages) -> str:
        """Return the age of the first message."""
        return age(part.first_message_at)

    @admin.display(description=_("last message"))
    def last_message(self, part: ConversationMessages) -> str:
        """Return the age of the last message."""
        return age(part.last_message_at)

    @admin.display(description=_("messages"))
    def transcript(self, part: ConversationMessages) -> str:
        """Return a link to the transcript."""
        return transcript_link(part.conversation_id)
