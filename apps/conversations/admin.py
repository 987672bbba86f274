"""Projects and conversations in the admin site.

Conversations are read-only: every change of theirs goes through their group on the queue.
"""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from apps.clock import now
from apps.conversations.models import Conversation, Project
from apps.conversations.services import move_open_conversations


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


@admin.register(Project)
class ProjectAdmin(admin.ModelAdmin):
    """Saving a new closing time moves the project's open conversations to it."""

    list_display = ("name", "uuid", "timezone", "closing_time", "idle_timeout")
    list_filter = ("timezone",)
    search_fields = ("name", "uuid")

    def save_model(
        self, request: HttpRequest, obj: Project, form: forms.ModelForm, change: bool
    ) -> None:
        """Save, and move what is open, in the admin's own transaction."""
        super().save_model(request, obj, form, change)
        if {"timezone", "closing_time"} & set(form.changed_data):
            move_open_conversations(project=obj, now=now())


@admin.register(Conversation)
class ConversationAdmin(ReadOnlyAdmin):
    """All conversations, newest first."""

    list_display = (
        "uuid",
        "project",
        "contact_name",
        "started_at",
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
