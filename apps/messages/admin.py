"""Archives in the admin site."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.conversations.admin import ReadOnlyAdmin
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

    def get_queryset(self, request: HttpRequest) -> QuerySet[ConversationMessages]:
        """Without the messages, which are large: a single part loads them when it is shown."""
        return super().get_queryset(request).defer("messages", "message_ids")
