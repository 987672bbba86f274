"""Archives and transcripts in the admin site."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern

from apps.conversations.admin import ReadOnlyAdmin
from apps.messages import admin_views
from apps.messages.models import ConversationMessages


@admin.register(ConversationMessages)
class ConversationMessagesAdmin(ReadOnlyAdmin):
    """The parts of all archives."""

    list_display = (
        "conversation",
        "part",
        "message_count",
        "size",
        "first_message_at",
        "last_message_at",
    )
    search_fields = ("=conversation__uuid",)
    ordering = ("-id",)
    show_full_result_count = False

    def get_urls(self) -> list[URLPattern]:
        """With the transcript's, which must come before the catch-all at the end."""
        return [*admin_views.urls(self.admin_site), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ConversationMessages]:
        """Without the messages, which are large: a single part loads them when it is shown."""
        return super().get_queryset(request).defer("messages", "message_ids")
