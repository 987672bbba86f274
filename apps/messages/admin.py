"""Archives, transcripts and dead letters in the admin site."""

from typing import Any

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern
from django.utils.functional import cached_property

from apps.clock import now
from apps.conversations.admin import ReadOnlyAdmin
from apps.conversations.project_settings import parse_uuid
from apps.messages import admin_views, dead_letters
from apps.messages.models import ConversationMessages, DeadLetter

# More are found by a filter, or with `manage.py dlq`.
MOST_PAGED = 10_000
MOST_PROJECTS = 200
MOST_REDRIVEN_AT_ONCE = 100


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


class BoundedPaginator(Paginator):
    """Counts no more than it pages through: counting a large table takes long."""

    @cached_property
    def count(self) -> int:
        """How many there are, or the most that are paged."""
        letters: Any = self.object_list
        return int(letters[:MOST_PAGED].count())


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


class DeadProjectFilter(admin.SimpleListFilter):
    """By the projects that dead letters name; more than a list can hold are found by search."""

    title = "project"
    parameter_name = "project"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, str]]:
        """What can be chosen."""
        return [(str(uuid), str(uuid)) for uuid in dead_letters.project_uuids(most=MOST_PROJECTS)]

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
        "redrive_wanted_at",
        "redriven_at",
        "redrive_count",
    )
    list_filter = (
        ReasonFilter,
        DeadProjectFilter,
        "first_sent_at",
        ("redriven_at", admin.EmptyFieldListFilter),
    )
    search_fields = ("message_id",)
    search_help_text = "The uuid of a project, or the id of a dead letter in its queue."
    ordering = ("-first_sent_at", "-id")
    exclude = ("body",)
    paginator = BoundedPaginator
    show_full_result_count = False
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
        ids = list(selected.values_list("pk", flat=True)[: MOST_REDRIVEN_AT_ONCE + 1])
        if len(ids) > MOST_REDRIVEN_AT_ONCE:
            sentence = f"Nothing was done: select at most {MOST_REDRIVEN_AT_ONCE} dead letters."
            self.message_user(request, sentence, messages.ERROR)
            return
        wanted = dead_letters.want_redriven(ids=ids, now=now())
        for letter in wanted:
            self.log_change(request, letter, "Asked to redrive it.")
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
