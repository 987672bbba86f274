"""Conversations in the admin site.

They are read-only: every change of a conversation goes through its group on the queue.
"""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from apps.common.console_access import MAY_READ_MESSAGES, is_open_to
from apps.conversations import search
from apps.conversations.admin.actions import ConversationActions
from apps.conversations.admin.base import ReadOnlyAdmin
from apps.conversations.admin.filters import ProjectFilter, StateFilter, period
from apps.conversations.models import Conversation, Resolution

# To apply a filter other than the project, PostgreSQL reads all closings of the period.
MAX_DAYS_OF_CLOSINGS = 31

ClosedIn = period("ended_at", title="closing", max_days=MAX_DAYS_OF_CLOSINGS)


@admin.register(Conversation)
class ConversationAdmin(ConversationActions, ReadOnlyAdmin):
    """Conversations, newest opening first. With a filter by closing: newest closing first."""

    list_display = (
        "uuid",
        "project",
        "contact_name",
        "opened",
        "closes",
        "next_due",
        "requested",
        "ended",
        "resolution",
        "csat",
        "nps",
        "message_count",
        "archived_at",
    )
    list_filter = (StateFilter, ProjectFilter, period("opened_at", title="opening"), ClosedIn)
    list_select_related = ("project",)
    list_help = (
        "Times are UTC. A worker closes and reopens conversations within a minute of the request."
    )
    search_fields = ("uuid",)
    search_help_text = "A conversation's uuid or external id, or the beginning of a contact's URN."
    actions = ("close_selected", "close_as_resolved", "close_as_unresolved", "reopen_selected")
    readonly_fields = ("transcript", "closes_locally", "ended_locally")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Return the order, which is that of the index for the requested period or state."""
        if any(request.GET.get(name) for name in ClosedIn.parameters):
            return ("-ended_at",)
        is_overdue = request.GET.get(StateFilter.parameter_name) == "overdue"
        return ("due_at",) if is_overdue else ("-opened_at",)

    def get_search_results(
        self, request: HttpRequest, conversations: QuerySet[Conversation], term: str
    ) -> tuple[QuerySet[Conversation], bool]:
        """Return the conversations that match. Show a warning if there are too many."""
        if not term.strip():
            return conversations, False
        try:
            return search.search(conversations, term.strip()), False
        except search.TooMany as problem:
            self.message_user(request, str(problem), messages.WARNING)
            return conversations.none(), False

    @admin.display(description="opened at")
    def opened(self, conversation: Conversation) -> datetime:
        """Return the queue time of the event that opened the conversation."""
        return conversation.opened_at

    @admin.display(description="closes at")
    def closes(self, conversation: Conversation) -> datetime | None:
        """Return the closing time of a conversation in progress, else None."""
        is_open = conversation.resolution == Resolution.IN_PROGRESS
        return conversation.closes_at if is_open else None

    @admin.display(description="next due at")
    def next_due(self, conversation: Conversation) -> datetime | None:
        """Return when the conversation is next checked: at its closing time or earlier."""
        return conversation.due_at

    @admin.display(description="ended at")
    def ended(self, conversation: Conversation) -> datetime | None:
        """Return when the conversation ended."""
        return conversation.ended_at

    @admin.display(description="requested")
    def requested(self, conversation: Conversation) -> str | None:
        """Return the requested change that is not yet executed."""
        match conversation.requested_resolution:
            case None:
                return None
            case Resolution.IN_PROGRESS:
                return "to be reopened"
            case resolution:
                return f"to be closed as {Resolution(resolution).label.lower()}"

    @admin.display(description="closes at, in the project's time zone")
    def closes_locally(self, conversation: Conversation) -> str:
        """Return the closing time in the project's time zone."""
        return _local(conversation, conversation.closes_at)

    @admin.display(description="ended at, in the project's time zone")
    def ended_locally(self, conversation: Conversation) -> str | None:
        """Return the end in the project's time zone."""
        return _local(conversation, conversation.ended_at) if conversation.ended_at else None

    @admin.display(description="messages")
    def transcript(self, conversation: Conversation) -> str:
        """Return a link to the transcript."""
        url = reverse("admin:conversation_messages_transcript", args=[conversation.pk])
        return format_html('<a href="{}">Transcript</a> (reading it is logged)', url)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Return the fields, with the transcript only for users who may read it."""
        fields = [str(name) for name in super().get_fields(request, obj)]
        may_read = is_open_to(request.user, permissions=MAY_READ_MESSAGES)
        return [name for name in fields if name != "transcript" or may_read]


def _local(conversation: Conversation, at: datetime) -> str:
    zone = conversation.project.timezone
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}, {zone}"
