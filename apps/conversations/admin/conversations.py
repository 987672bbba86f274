"""Projects, conversations and erasures in the admin site.

Conversations are read-only: every change of theirs goes through their group on the queue.
"""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from apps.common.clock import now
from apps.common.console_access import MAY_READ_MESSAGES, is_open_to
from apps.conversations import search
from apps.conversations.admin.actions import RequestedActions
from apps.conversations.admin.audit import AuditEntryAdmin
from apps.conversations.admin.base import Audited, BoundedAdmin, ReadOnlyAdmin
from apps.conversations.admin.filters import ProjectFilter, StateFilter, period
from apps.conversations.models import Conversation, Erasure, Project, Resolution
from apps.conversations.project_settings import MAX_IDLE_TIMEOUT, MIN_IDLE_TIMEOUT
from apps.conversations.projects import CLOSING_RULE
from apps.conversations.services import move_open_conversations

# What closed in a period is read to be filtered by anything but the project.
MAX_DAYS_OF_CLOSINGS = 31

__all__ = ("AuditEntryAdmin", "ConversationAdmin", "ErasureAdmin", "ProjectAdmin")

ClosedIn = period("ended_at", title="closing", max_days=MAX_DAYS_OF_CLOSINGS)


class ProjectForm(forms.ModelForm):
    """A project, with an idle timeout that makes sense: "30" means seconds here."""

    def clean_idle_timeout(self) -> timedelta | None:
        """Raises ValidationError for a period that is none, or that nobody can mean."""
        timeout: timedelta | None = self.cleaned_data["idle_timeout"]
        if timeout is None or MIN_IDLE_TIMEOUT <= timeout <= MAX_IDLE_TIMEOUT:
            return timeout
        raise ValidationError("It must be from 00:01:00 to 48:00:00 (HH:MM:SS), or empty.")


@admin.register(Project)
class ProjectAdmin(Audited, BoundedAdmin):
    """Saving a new closing rule moves the project's open conversations to it."""

    form = ProjectForm
    list_display = ("name", "uuid", "timezone", "closing_time", "idle_timeout")
    list_display_links = ("name", "uuid")
    list_filter = ("timezone",)
    list_says = (
        "Made by themselves with their first event. A new time zone, closing time or idle timeout "
        "moves the open conversations of the project as it is saved."
    )
    search_fields = ("name", "uuid")
    ordering = ("name",)

    def get_readonly_fields(self, _request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Another uuid would be another project."""
        return ("uuid",) if obj else ()

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        """Never: its next event would make it again, and what it owns is not to be listed."""
        return False

    def save_model(
        self, request: HttpRequest, obj: Project, form: forms.ModelForm, change: bool
    ) -> None:
        """Save, and move what is open, in the admin's own transaction.

        What is stored is read again under a lock: somebody may have changed it since the form
        was read, and saving this one changes it back.
        """
        stored = Project.objects.select_for_update(no_key=True).filter(pk=obj.pk).first()
        super().save_model(request, obj, form, change)
        if stored and any(getattr(stored, name) != getattr(obj, name) for name in CLOSING_RULE):
            move_open_conversations(project=obj, now=now())


@admin.register(Conversation)
class ConversationAdmin(RequestedActions, ReadOnlyAdmin):
    """All conversations, the last opened first; of a period of closings the last closed first."""

    list_display = (
        "uuid",
        "project",
        "contact_name",
        "opened",
        "closes",
        "next_look",
        "wanted",
        "ended",
        "resolution",
        "csat",
        "nps",
        "message_count",
        "archived_at",
    )
    list_filter = (StateFilter, ProjectFilter, period("opened_at", title="opening"), ClosedIn)
    list_select_related = ("project",)
    list_says = "Times are UTC. Closing and reopening are done by a worker within a minute."
    search_fields = ("uuid",)
    search_help_text = (
        "A conversation's uuid or external id, or a contact's URN or the beginning of one."
    )
    actions = ("close_selected", "close_as_resolved", "close_as_unresolved", "reopen_selected")
    readonly_fields = ("transcript", "closes_locally", "ended_locally")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """By the period that is asked for, which the index of the period has."""
        of_closings = any(request.GET.get(name) for name in ClosedIn.parameters)
        return ("-ended_at",) if of_closings else ("-opened_at",)

    def get_search_results(
        self, request: HttpRequest, conversations: QuerySet[Conversation], term: str
    ) -> tuple[QuerySet[Conversation], bool]:
        """What is equal, or begins so, which indexes find."""
        if not term.strip():
            return conversations, False
        try:
            return search.search(conversations, term.strip()), False
        except search.TooMany as problem:
            self.message_user(request, str(problem), messages.WARNING)
            return conversations.none(), False

    @admin.display(description="opened at")
    def opened(self, conversation: Conversation) -> datetime:
        """When the event that opened it was queued."""
        return conversation.opened_at

    @admin.display(description="closes at")
    def closes(self, conversation: Conversation) -> datetime | None:
        """Of one that is in progress: nothing else closes."""
        is_open = conversation.resolution == Resolution.IN_PROGRESS
        return conversation.closes_at if is_open else None

    @admin.display(description="next due at")
    def next_look(self, conversation: Conversation) -> datetime | None:
        """When it is looked at next: at its closing, or before."""
        return conversation.due_at

    @admin.display(description="ended at")
    def ended(self, conversation: Conversation) -> datetime | None:
        """When it closed."""
        return conversation.ended_at

    @admin.display(description="wanted")
    def wanted(self, conversation: Conversation) -> str | None:
        """What somebody has asked for, until its turn in its group comes."""
        match conversation.requested_resolution:
            case None:
                return None
            case Resolution.IN_PROGRESS:
                return "to be reopened"
            case resolution:
                return f"to be closed as {Resolution(resolution).label.lower()}"

    @admin.display(description="closes at, in its project's zone")
    def closes_locally(self, conversation: Conversation) -> str:
        """As the project's clocks say."""
        return _local(conversation, conversation.closes_at)

    @admin.display(description="ended at, in its project's zone")
    def ended_locally(self, conversation: Conversation) -> str | None:
        """As the project's clocks say."""
        return _local(conversation, conversation.ended_at) if conversation.ended_at else None

    @admin.display(description="messages")
    def transcript(self, conversation: Conversation) -> str:
        """The way to what was written, for those who may read it."""
        url = reverse("admin:conversation_messages_transcript", args=[conversation.pk])
        return format_html('<a href="{}">Transcript</a> (reading it is logged)', url)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """With the link only for those for whom it leads to something."""
        fields = [str(name) for name in super().get_fields(request, obj)]
        may_read = is_open_to(request.user, permissions=MAY_READ_MESSAGES)
        return [name for name in fields if name != "transcript" or may_read]


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    """Erasures that are asked for or done, the latest first; whose they are is not shown."""

    list_display = ("uuid", "project", "requested_at", "erased_at", "removed")
    list_filter = (("erased_at", admin.EmptyFieldListFilter), ProjectFilter)
    list_select_related = ("project",)
    list_says = "They are asked for with the command erase, and done by workers. Times are UTC."
    fields = ("uuid", "project", "requested_at", "erased_at", "removed")
    search_fields = ("uuid",)
    search_help_text = "An erasure's uuid."
    ordering = ("-requested_at",)

    def get_search_results(
        self, _request: HttpRequest, erasures: QuerySet[Erasure], term: str
    ) -> tuple[QuerySet[Erasure], bool]:
        """By uuid."""
        return search.by_uuid(erasures, term), False


def _local(conversation: Conversation, at: datetime) -> str:
    zone = conversation.project.timezone
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}, {zone}"
