"""Survey answers, the outbox and the console in the admin site."""

from django.contrib import admin
from django.urls import URLPattern

from apps.analytics.console import views
from apps.analytics.models import OutboxEvent, SurveyAnswer
from apps.conversations.admin import ReadOnlyAdmin

# Django's own page, with a link to the console for those who may see it.
admin.site.index_template = "console/admin_index.html"


@admin.register(SurveyAnswer)
class SurveyAnswerAdmin(ReadOnlyAdmin):
    """All answers, newest first."""

    list_display = ("key", "value", "score", "project", "conversation", "answered_at")
    list_filter = ("key",)
    list_select_related = ("project", "conversation")
    search_fields = ("=conversation__uuid", "=contact_urn", "=message_id")
    ordering = ("-id",)
    show_full_result_count = False

    def get_urls(self) -> list[URLPattern]:
        """With the console's, which must come before the catch-all at the end."""
        return [*views.urls(self.admin_site), *super().get_urls()]


@admin.register(OutboxEvent)
class OutboxEventAdmin(ReadOnlyAdmin):
    """What the data lake was told, or has yet to be."""

    list_display = ("event_id", "created_at", "delivered_at")
    list_filter = (("delivered_at", admin.EmptyFieldListFilter),)
    search_fields = ("=event_id",)
    ordering = ("-id",)
    show_full_result_count = False
