"""Survey answers and the outbox in the admin site."""

from django.contrib import admin

from apps.analytics.models import OutboxEvent, SurveyAnswer
from apps.conversations.admin import ReadOnlyAdmin


@admin.register(SurveyAnswer)
class SurveyAnswerAdmin(ReadOnlyAdmin):
    """All answers, newest first."""

    list_display = ("key", "value", "score", "project", "conversation", "answered_at")
    list_filter = ("key",)
    list_select_related = ("project", "conversation")
    search_fields = ("=conversation__uuid", "=contact_urn", "=message_id")
    ordering = ("-id",)
    show_full_result_count = False


@admin.register(OutboxEvent)
class OutboxEventAdmin(ReadOnlyAdmin):
    """What the data lake was told, or has yet to be."""

    list_display = ("event_id", "created_at", "delivered_at")
    list_filter = (("delivered_at", admin.EmptyFieldListFilter),)
    search_fields = ("=event_id",)
    ordering = ("-id",)
    show_full_result_count = False
