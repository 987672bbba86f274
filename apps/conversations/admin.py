"""Projects and conversations in the admin site.

Conversations are read-only: every change of theirs goes through their group on the queue. Closing
them here only says that it is wanted.
"""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.clock import now
from apps.conversations.by_hand import Refused, request_close
from apps.conversations.models import Conversation, Erasure, Project, Resolution
from apps.conversations.project_settings import LONGEST_IDLE_TIMEOUT, SHORTEST_IDLE_TIMEOUT
from apps.conversations.projects import CLOSING_RULE
from apps.conversations.services import move_open_conversations

# Each is locked, and each that is refused has a sentence.
MOST_CLOSED_AT_ONCE = 100


class ReadOnlyAdmin(admin.ModelAdmin):
    """Nothing can be added, changed or deleted here."""

    def has_add_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        """Never."""
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        """Never."""
        return False


class ProjectForm(forms.ModelForm):
    """A project, with an idle timeout that makes sense: "30" means seconds here."""

    def clean_idle_timeout(self) -> timedelta | None:
        """Raises ValidationError for a period that is none, or that nobody can mean."""
        period: timedelta | None = self.cleaned_data["idle_timeout"]
        if period and SHORTEST_IDLE_TIMEOUT <= period <= LONGEST_IDLE_TIMEOUT:
            return period
        if period is None:
            return None
        raise ValidationError("It must be from 00:01:00 to 48:00:00 (HH:MM:SS), or empty.")


@admin.register(Project)
class ProjectAdmin(admin.ModelAdmin):
    """Saving a new closing rule moves the project's open conversations to it."""

    form = ProjectForm
    list_display = ("name", "uuid", "timezone", "closing_time", "idle_timeout")
    list_filter = ("timezone",)
    search_fields = ("name", "uuid")

    def get_readonly_fields(self, _request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Another uuid would be another project."""
        return ("uuid",) if obj else ()

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
class ConversationAdmin(ReadOnlyAdmin):
    """All conversations, newest first."""

    list_display = (
        "uuid",
        "project",
        "contact_name",
        "started_at",
        "closes",
        "next_look",
        "wanted",
        "ended_at",
        "resolution",
        "csat",
        "nps",
        "message_count",
        "archived_at",
    )
    list_filter = ("resolution", "project")
    list_select_related = ("project",)
    search_fields = ("=uuid", "=contact_urn", "=external_id")
    ordering = ("-opened_at",)
    # Counting a large table takes longer than showing a page of it.
    show_full_result_count = False
    actions = ("close_selected",)

    @admin.display(description="closes at", ordering="closes_at")
    def closes(self, conversation: Conversation) -> datetime | None:
        """Of one that is in progress: nothing else closes."""
        is_open = conversation.resolution == Resolution.IN_PROGRESS
        return conversation.closes_at if is_open else None

    @admin.display(description="next due at", ordering="due_at")
    def next_look(self, conversation: Conversation) -> datetime | None:
        """When it is looked at next: at its closing, or before."""
        return conversation.due_at

    @admin.display(description="wanted", ordering="wanted_resolution")
    def wanted(self, conversation: Conversation) -> str | None:
        """What somebody has asked for, until its turn in its group comes."""
        match conversation.wanted_resolution:
            case None:
                return None
            case Resolution.IN_PROGRESS:
                return "to be reopened"
            case resolution:
                return f"to be closed as {Resolution(resolution).label.lower()}"

    def has_close_permission(self, request: HttpRequest) -> bool:
        """Who may close: superusers, and those who are given leave to change conversations."""
        return request.user.has_perm("conversations.change_conversation")

    @admin.action(description="Close selected conversations", permissions=["close"])
    def close_selected(self, request: HttpRequest, selected: QuerySet[Conversation]) -> None:
        """Say that they are to be closed; beat has it done in their groups."""
        conversations = list(selected[: MOST_CLOSED_AT_ONCE + 1])
        if len(conversations) > MOST_CLOSED_AT_ONCE:
            sentence = f"Nothing was done: select at most {MOST_CLOSED_AT_ONCE} conversations."
            self.message_user(request, sentence, messages.ERROR)
            return
        asked = [one for one in conversations if self._ask_to_close(request, one)]
        if asked:
            are = "conversation is" if len(asked) == 1 else "conversations are"
            sentence = f"{len(asked)} {are} closed within a minute, as unclassified."
            self.message_user(request, sentence, messages.SUCCESS)

    def _ask_to_close(self, request: HttpRequest, conversation: Conversation) -> bool:
        try:
            request_close(
                conversation_uuid=conversation.uuid, resolution=Resolution.UNCLASSIFIED, now=now()
            )
        except Refused as refused:
            self.message_user(request, str(refused), messages.WARNING)
            return False
        self.log_change(request, conversation, "Asked to close it.")
        return True


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    """Erasures that are asked for or done, the latest first; whose they are is not shown."""

    list_display = ("uuid", "project", "requested_at", "erased_at", "removed")
    list_filter = (("erased_at", admin.EmptyFieldListFilter), "project")
    list_select_related = ("project",)
    fields = ("uuid", "project", "requested_at", "erased_at", "removed")
    search_fields = ("=uuid",)
    ordering = ("-requested_at",)
    show_full_result_count = False
