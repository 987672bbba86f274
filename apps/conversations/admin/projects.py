"""Projects in the admin site."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from apps.common.clock import now
from apps.conversations.admin.base import Audited, BoundedAdmin
from apps.conversations.models import Project
from apps.conversations.project_settings import MAX_IDLE_TIMEOUT, MIN_IDLE_TIMEOUT
from apps.conversations.projects import CLOSING_RULE
from apps.conversations.services import move_open_conversations


class ProjectForm(forms.ModelForm):
    """The form of a project. It refuses unlikely idle timeouts: Django reads "30" as seconds."""

    def clean_idle_timeout(self) -> timedelta | None:
        """Return the idle timeout. Raise ValidationError unless it is in the permitted range."""
        timeout: timedelta | None = self.cleaned_data["idle_timeout"]
        if timeout is None or MIN_IDLE_TIMEOUT <= timeout <= MAX_IDLE_TIMEOUT:
            return timeout
        raise ValidationError("It must be from 00:01:00 to 48:00:00 (HH:MM:SS), or empty.")


@admin.register(Project)
class ProjectAdmin(Audited, BoundedAdmin):
    """Projects. Saving a new closing rule applies it to the project's open conversations."""

    form = ProjectForm
    list_display = ("name", "uuid", "timezone", "closing_time", "idle_timeout")
    list_display_links = ("name", "uuid")
    list_filter = ("timezone",)
    list_help = (
        "The first event of a project creates it. A new time zone, closing time or idle timeout "
        "applies to the project's open conversations at once."
    )
    search_fields = ("name", "uuid")
    ordering = ("name",)

    def get_readonly_fields(self, _request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Return `uuid` for an existing project: a new uuid would create another project."""
        return ("uuid",) if obj else ()

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        """Return False: the next event of a deleted project would create it again."""
        return False

    def save_model(
        self, request: HttpRequest, obj: Project, form: forms.ModelForm, change: bool
    ) -> None:
        """Save the project and move its open conversations, in the transaction of the admin.

        The stored closing rule is read under a lock. It may have changed since the form was read,
        and saving the form changes it back.
        """
        stored = Project.objects.select_for_update(no_key=True).filter(pk=obj.pk).first()
        super().save_model(request, obj, form, change)
        if stored and any(getattr(stored, name) != getattr(obj, name) for name in CLOSING_RULE):
            move_open_conversations(project=obj, now=now())
