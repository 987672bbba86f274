"""Archives, transcripts and dead letters in the admin site."""

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, reverse
from django.utils.html import format_html

from apps.common.clock import now
from apps.common.console_access import MAY_READ_MESSAGES, is_open_to
from apps.conversations import audit
from apps.conversations.admin.base import ReadOnlyAdmin, actor
from apps.conversations.admin.filters import period
from apps.conversations.models import AuditAction
from apps.conversations.project_settings import parse_uuid
from apps.conversations.search import by_uuid
from apps.messages import admin_views, dead_letters
from apps.messages.models import ConversationMessages, DeadLetter

# Each is looked up by itself; others are found by search.
MAX_PROJECTS = 50
MAX_REDRIVEN_AT_ONCE = 100


@admin.register(ConversationMessages)
class ConversationMessagesAdmin(ReadOnlyAdmin):
    """The parts of all archives: how much there is, but not what; that is the transcript's."""

    list_display = (
        "conversation",
        "part",
        "message_count",
        "size",
        "first_message_at",
        "last_message_at",
    )
    list_display_links = ("conversation", "part")
    list_select_related = ("conversation",)
    list_says = "What was written is read in the transcript of the conversation. Times are UTC."
    search_fields = ("conversation",)
    search_help_text = "A conversation's uuid."
    ordering = ("-id",)
    exclude = ("messages", "message_ids")
    readonly_fields = ("transcript",)

    def get_urls(self) -> list[URLPattern]:
        """With the transcript's, which must come before the catch-all at the end."""
        return [*admin_views.urls(self.admin_site), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ConversationMessages]:
        """Without the messages, which are large."""
        return super().get_queryset(request).defer("messages", "message_ids")

    def get_search_results(
        self, _request: HttpRequest, parts: QuerySet[ConversationMessages], term: str
    ) -> tuple[QuerySet[ConversationMessages], bool]:
        """By the conversation's uuid."""
        return by_uuid(parts, term, field="conversation_id"), False

    @admin.display(description="messages")
    def transcript(self, part: ConversationMessages) -> str:
        """The way to what was written, for those who may read it."""
        url = reverse("admin:conversation_messages_transcript", args=[part.conversation_id])
        return format_html('<a href="{}">Transcript</a> (reading it is logged)', url)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """With the link only for those for whom it leads to something."""
        fields = [str(name) for name in super().get_fields(request, obj)]
        may_read = is_open_to(request.user, permissions=MAY_READ_MESSAGES)
        return [name for name in fields if name != "transcript" or may_read]


class ReasonFilter(admin.SimpleListFilter):
    """By the reasons that there are."""

    title = "reason"
    parameter_name = "reason"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, str]]:
        """What can be chosen."""
        return [(reason, reason) for reason in dead_letters.reasons()]

    def queryset(self, _request: HttpRequest, letters: QuerySet) -> QuerySet:
        """Those of the reason that is chosen."""
        return letters.filter(reason=self.value()) if self.value() else letters


class RedrivenFilter(admin.SimpleListFilter):
    """By what became of them since."""

    title = "state"
    parameter_name = "state"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, str]]:
        """What can be chosen."""
        return [
            ("dead", "Not redriven"),
            ("wanted", "Asked for, not yet redriven"),
            ("redriven", "Redriven"),
        ]

    def queryset(self, _request: HttpRequest, letters: QuerySet) -> QuerySet:
        """Those in the state that is chosen."""
        match self.value():
            case None:
                return letters
            case "dead":
                return letters.filter(redriven_at=None)
            case "wanted":
                return letters.exclude(redrive_requested_at=None)
            case "redriven":
                return letters.exclude(redriven_at=None)
            case _:
                return letters.none()


class DeadProjectFilter(admin.SimpleListFilter):
    """By the projects that dead letters name; more than a list can hold are found by search."""

    title = "project"
    parameter_name = "project"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, str]]:
        """What can be chosen."""
        return [(str(uuid), str(uuid)) for uuid in dead_letters.project_uuids(limit=MAX_PROJECTS)]

    def queryset(self, _request: HttpRequest, letters: QuerySet) -> QuerySet:
        """Those of the project that is chosen; what is no project's uuid has none."""
        value = self.value()
        return _of_project(letters, value) if value else letters


@admin.register(DeadLetter)
class DeadLetterAdmin(ReadOnlyAdmin):
    """Events that took no effect; their bodies, which hold what people wrote, are not shown."""

    list_display = (
        "id",
        "message_id",
        "reason",
        "project_uuid",
        "first_sent_at",
        "receive_count",
        "redrive_requested_at",
        "redriven_at",
        "redrive_count",
    )
    list_filter = (
        ReasonFilter,
        DeadProjectFilter,
        RedrivenFilter,
        period("first_sent_at", title="time of the event"),
    )
    list_says = (
        "Events that took no effect, with the reason. Redriving sends them to the queue again, in "
        "the order of each conversation; a worker does it within a minute or two. Times are UTC."
    )
    search_fields = ("message_id",)
    search_help_text = "The uuid of a project, or the id of a dead letter in its queue."
    ordering = ("-first_sent_at", "-id")
    exclude = ("body",)
    actions = ("redrive_selected",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[DeadLetter]:
        """Without the bodies, which are large."""
        return super().get_queryset(request).defer("body")

    def get_search_results(
        self, _request: HttpRequest, letters: QuerySet[DeadLetter], term: str
    ) -> tuple[QuerySet[DeadLetter], bool]:
        """What is equal, which the indexes find."""
        if not term:
            return letters, False
        found = letters.filter(message_id=term)
        return (found if found.exists() else _of_project(letters, term)), False

    def has_redrive_permission(self, request: HttpRequest) -> bool:
        """Who may redrive: superusers, and those who are given leave to change dead letters."""
        return request.user.has_perm("conversation_messages.change_deadletter")

    @admin.action(description="Redrive selected dead letters", permissions=["redrive"])
    def redrive_selected(self, request: HttpRequest, selected: QuerySet[DeadLetter]) -> None:
        """Note that it is wanted; a worker does it, in the order of each group."""
        ids = list(selected.values_list("pk", flat=True)[: MAX_REDRIVEN_AT_ONCE + 1])
        if len(ids) > MAX_REDRIVEN_AT_ONCE:
            sentence = f"Nothing was done: select at most {MAX_REDRIVEN_AT_ONCE} dead letters."
            self.message_user(request, sentence, messages.ERROR)
            return
        with transaction.atomic():
            wanted = dead_letters.request_redrive(ids=ids, now=now())
            audit.record_all(
                actor=actor(request),
                action=AuditAction.REDRIVE,
                of=DeadLetter,
                details=audit.each(letter.pk for letter in wanted),
            )
        if wanted:
            sentence = f"{len(wanted)} to be redriven within a minute or two."
            self.message_user(request, sentence, messages.SUCCESS)
        if len(wanted) < len(ids):
            sentence = f"{len(ids) - len(wanted)} were redriven, or asked for, before."
            self.message_user(request, sentence, messages.WARNING)


def _of_project(letters: QuerySet, text: str) -> QuerySet:
    try:
        return letters.filter(project_uuid=parse_uuid(text))
    except ValueError:
        return letters.none()
