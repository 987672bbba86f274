"""Survey answers, the outbox and the console in the admin site."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import URLPattern
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from apps.analytics.console import views
from apps.analytics.models import OutboxEvent, SurveyAnswer
from apps.analytics.retrying import retry_refused
from apps.common.lossless_json import escape
from apps.conversations.admin.base import ReadOnlyAdmin, actor
from apps.conversations.admin.cells import age, short_id, written
from apps.conversations.admin.filters import ProjectFilter, exact, period
from apps.conversations.admin.links import CONVERSATION, NOTHING, PROJECT, Link, Reference
from apps.conversations.admin.states import State, StateFilter
from apps.conversations.scores import NoScore
from apps.conversations.search import by_uuid

MAX_RETRIED_AT_ONCE = 100
ANSWER = Link(
    title=_("answer"),
    model=SurveyAnswer,
    of=lambda event: Reference(event.answer_id, gettext("answer %(id)s") % {"id": event.answer_id}),
)

# Django's index page, with a link to the console for users who may see it.
admin.site.index_template = "console/admin_index.html"


class NoScoreFilter(admin.SimpleListFilter):
    """Filter the CSAT and NPS answers without a score, by the reason."""

    title = _("score")
    parameter_name = "problem"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, str]]:
        """Return the reasons."""
        return [
            ("any", gettext("No score, for any reason")),
            *(
                (one.value, gettext("No score: %(reason)s") % {"reason": one.label})
                for one in NoScore
            ),
        ]

    def queryset(self, _request: HttpRequest, answers: QuerySet) -> QuerySet:
        """Return the answers with the chosen reason."""
        match self.value():
            case None:
                return answers
            case "any":
                return answers.exclude(problem="")
            case reason:
                return answers.exclude(problem="").filter(problem=reason)


@admin.register(SurveyAnswer)
class SurveyAnswerAdmin(ReadOnlyAdmin):
    """The survey answers, newest first."""

    list_display = ("answered", "key", "given", "score", "no_score", "project", "conversation")
    list_display_links = ("answered",)
    list_filter = (
        exact("key", title=_("key")),
        ProjectFilter,
        NoScoreFilter,
        period("answered_at", title=_("time of the answer")),
    )
    list_select_related = ("project",)
    list_help = _(
        "CSAT answers have the key weni_csat, NPS answers weni_nps, custom events any other key."
    )
    search_fields = ("conversation",)
    search_help_text = _("The UUID of a conversation, or the URN of a contact.")
    ordering = ("-answered_at",)
    fields = (
        "key",
        "given",
        "score",
        "no_score",
        "is_replaced",
        "project",
        "conversation",
        "channel_uuid",
        "contact_urn",
        "answered_at",
        "message_id",
        "correlation_id",
        "group_id",
        "sequence_number",
        "lake_event_ids",
    )
    links: ClassVar[Mapping[str, Link]] = {"project": PROJECT, "conversation": CONVERSATION}

    def get_urls(self) -> list[URLPattern]:
        """Return the URLs, the console's first, because the admin's last URL matches any path."""
        return [*views.urls(self.admin_site), *super().get_urls()]

    def get_search_results(
        self, _request: HttpRequest, answers: QuerySet[SurveyAnswer], term: str
    ) -> tuple[QuerySet[SurveyAnswer], bool]:
        """Return the answers of the conversation with this UUID, or else of the contact."""
        found = by_uuid(answers, term, field="conversation_id")
        if not term.strip() or found.exists():
            return found, False
        return answers.filter(contact_urn=escape(term.strip())), False

    @admin.display(description=_("answered"))
    def answered(self, answer: SurveyAnswer) -> str:
        """Return the age of the answer."""
        return age(answer.answered_at)

    @admin.display(description=_("value"))
    def given(self, answer: SurveyAnswer) -> str:
        """Return the value as the contact gave it."""
        return written(answer.value, otherwise=NOTHING)

    @admin.display(description=_("no score because"))
    def no_score(self, answer: SurveyAnswer) -> str:
        """Return why the answer has no score."""
        return answer.get_problem_display() or NOTHING


class OutboxFilter(StateFilter):
    """Filter by the state of delivery."""

    def states(self) -> Sequence[State]:
        """Return the states of an event for the data lake."""
        return [
            State("waiting", gettext("Waiting"), Q(delivered_at=None, refusal="")),
            State("refused", gettext("Refused"), ~Q(refusal="")),
            State("delivered", gettext("Delivered"), ~Q(delivered_at=None)),
        ]


@admin.register(OutboxEvent)
class OutboxEventAdmin(ReadOnlyAdmin):
    """Events for the data lake. Payloads are not shown: they name contacts."""

    list_display = ("short_event_id", "created", "state")
    list_display_links = ("created",)
    list_filter = (OutboxFilter,)
    list_help = _(
        "Waiting events are sent every minute. Delivered events are deleted after a week."
    )
    search_fields = ("event_id",)
    search_help_text = _("The UUID of an event, as in the data lake.")
    fields = ("event_id", "state", "answer", "created_at", "delivered_at", "refusal")
    links: ClassVar[Mapping[str, Link]] = {"answer": ANSWER}
    actions = ("retry_selected",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[OutboxEvent]:
        """Return the events without their payloads."""
        return super().get_queryset(request).defer("payload")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Return the order: by id, or by time of delivery for delivered events.

        Both have an index.
        """
        is_delivered = request.GET.get(OutboxFilter.parameter_name) == "delivered"
        return ("-delivered_at",) if is_delivered else ("-id",)

    def get_search_results(
        self, _request: HttpRequest, events: QuerySet[OutboxEvent], term: str
    ) -> tuple[QuerySet[OutboxEvent], bool]:
        """Return the event with this UUID."""
        return by_uuid(events, term, field="event_id"), False

    @admin.display(description=_("event ID"))
    def short_event_id(self, event: OutboxEvent) -> str:
        """Return the short id of the event."""
        return short_id(event.event_id)

    @admin.display(description=_("created"))
    def created(self, event: OutboxEvent) -> str:
        """Return the age of the event."""
        return age(event.created_at)

    @admin.display(description=_("state"))
    def state(self, event: OutboxEvent) -> str:
        """Return whether the data lake has the event, waits for it, or refused it and why."""
        if event.delivered_at:
            return format_html(gettext("delivered {}"), age(event.delivered_at))
        if event.refusal:
            return gettext("refused: %(why)s") % {"why": event.refusal}
        return gettext("waiting")

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may change outbox events, which a retry requires."""
        return request.user.has_perm("analytics.change_outboxevent")

    @admin.action(description=_("Send selected refused events again"), permissions=["retry"])
    def retry_selected(self, request: HttpRequest, selected: QuerySet[OutboxEvent]) -> None:
        """Clear the refusals, so that the next scheduled run sends the events."""
        event_ids = list(selected.values_list("event_id", flat=True)[: MAX_RETRIED_AT_ONCE + 1])
        if len(event_ids) > MAX_RETRIED_AT_ONCE:
            sentence = gettext("Nothing was done: select at most %(max)d events.")
            self.message_user(request, sentence % {"max": MAX_RETRIED_AT_ONCE}, messages.ERROR)
            return
        retried = retry_refused(actor=actor(request), event_ids=event_ids)
        if retried:
            sentence = ngettext(
                "%(count)d will be sent again within a minute.",
                "%(count)d will be sent again within a minute.",
                retried,
            )
            self.message_user(request, sentence % {"count": retried}, messages.SUCCESS)
        if others := len(event_ids) - retried:
            sentence = ngettext(
                "%(count)d was not refused, so it is not sent again.",
                "%(count)d were not refused, so they are not sent again.",
                others,
            )
            self.message_user(request, sentence % {"count": others}, messages.WARNING)
