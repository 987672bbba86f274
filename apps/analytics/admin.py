"""Survey answers, the outbox and the console in the admin site."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern

from apps.analytics.console import views
from apps.analytics.models import OutboxEvent, SurveyAnswer
from apps.analytics.retrying import retry_refused
from apps.common.lossless_json import escape
from apps.conversations.admin.base import ReadOnlyAdmin, actor
from apps.conversations.admin.filters import ProjectFilter, exact, period
from apps.conversations.search import by_uuid

MAX_RETRIED_AT_ONCE = 100

# Django's own page, with a link to the console for those who may see it.
admin.site.index_template = "console/admin_index.html"


@admin.register(SurveyAnswer)
class SurveyAnswerAdmin(ReadOnlyAdmin):
    """All answers, newest first."""

    list_display = ("key", "value", "score", "project", "conversation", "answered_at")
    list_filter = (
        exact("key", title="key"),
        ProjectFilter,
        period("answered_at", title="time of the answer"),
    )
    list_select_related = ("project", "conversation")
    list_says = (
        "CSAT answers have the key weni_csat, NPS answers weni_nps; others are custom events. "
        "Times are UTC."
    )
    search_fields = ("conversation",)
    search_help_text = "A conversation's uuid, or a contact's URN."
    ordering = ("-answered_at",)

    def get_urls(self) -> list[URLPattern]:
        """With the console's, which must come before the catch-all at the end."""
        return [*views.urls(self.admin_site), *super().get_urls()]

    def get_search_results(
        self, _request: HttpRequest, answers: QuerySet[SurveyAnswer], term: str
    ) -> tuple[QuerySet[SurveyAnswer], bool]:
        """By the conversation, else by the contact."""
        found = by_uuid(answers, term, field="conversation_id")
        if not term.strip() or found.exists():
            return found, False
        return answers.filter(contact_urn=escape(term.strip())), False


class OutboxFilter(admin.SimpleListFilter):
    """By what the data lake said."""

    title = "state"
    parameter_name = "state"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, str]]:
        """What can be chosen."""
        return [("waiting", "Waiting"), ("refused", "Refused"), ("delivered", "Delivered")]

    def queryset(self, _request: HttpRequest, events: QuerySet) -> QuerySet:
        """Those in the state that is chosen."""
        match self.value():
            case None:
                return events
            case "waiting":
                return events.filter(delivered_at=None, refusal="")
            case "refused":
                return events.exclude(refusal="")
            case "delivered":
                return events.exclude(delivered_at=None)
            case _:
                return events.none()


@admin.register(OutboxEvent)
class OutboxEventAdmin(ReadOnlyAdmin):
    """What the data lake was told, or has yet to be; its content, which names a contact, is not."""

    list_display = ("event_id", "created_at", "delivered_at", "refusal")
    list_filter = (OutboxFilter,)
    list_says = (
        "What waits is sent every minute; what was delivered is deleted after a week. Times are "
        "UTC."
    )
    search_fields = ("event_id",)
    search_help_text = "An event's uuid, as the data lake has it."
    exclude = ("payload",)
    actions = ("retry_selected",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[OutboxEvent]:
        """Without what is sent."""
        return super().get_queryset(request).defer("payload")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Newest first; what was delivered, by that time, which has the index."""
        is_delivered = request.GET.get(OutboxFilter.parameter_name) == "delivered"
        return ("-delivered_at",) if is_delivered else ("-id",)

    def get_search_results(
        self, _request: HttpRequest, events: QuerySet[OutboxEvent], term: str
    ) -> tuple[QuerySet[OutboxEvent], bool]:
        """By uuid."""
        return by_uuid(events, term, field="event_id"), False

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Who may: superusers, and those who are given leave to change outbox events."""
        return request.user.has_perm("analytics.change_outboxevent")

    @admin.action(description="Send selected refused events again", permissions=["retry"])
    def retry_selected(self, request: HttpRequest, selected: QuerySet[OutboxEvent]) -> None:
        """Take the refusal away; the next run of beat's schedule sends them."""
        event_ids = list(selected.values_list("event_id", flat=True)[: MAX_RETRIED_AT_ONCE + 1])
        if len(event_ids) > MAX_RETRIED_AT_ONCE:
            sentence = f"Nothing was done: select at most {MAX_RETRIED_AT_ONCE} events."
            self.message_user(request, sentence, messages.ERROR)
            return
        retried = retry_refused(actor=actor(request), event_ids=event_ids)
        if retried:
            sentence = f"{retried} will be sent again within a minute."
            self.message_user(request, sentence, messages.SUCCESS)
        if retried < len(event_ids):
            sentence = f"{len(event_ids) - retried} of these are not refused: they need nothing."
            self.message_user(request, sentence, messages.WARNING)
