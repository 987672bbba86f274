"""Projects in the admin site."""

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.common.clock import now
from apps.common.durations import as_text
from apps.conversations.admin.base import Audited, BoundedAdmin
from apps.conversations.admin.cells import short_id
from apps.conversations.admin.durations import DurationField
from apps.conversations.project_models import Project
from apps.conversations.project_settings import ARCHIVE_RETENTION, IDLE_TIMEOUT
from apps.conversations.projects import CLOSING_RULE, finish_moves

DURATIONS = ("idle_timeout", "archive_retention")


class ProjectForm(forms.ModelForm):
    """The form of a project. Its durations are written as on the command line."""

    idle_timeout = DurationField(
        label=_("Idle timeout"),
        bounds=IDLE_TIMEOUT,
        help_text=_(
            "Time without a message after which a conversation closes, such as 90m. Empty: never."
        ),
    )
    archive_retention = DurationField(
        label=_("Archive retention"),
        bounds=ARCHIVE_RETENTION,
        help_text=_("Age after which archived messages are deleted, such as 90d. Empty: never."),
    )


@admin.register(Project)
class ProjectAdmin(Audited, BoundedAdmin):
    """Projects. Saving a new closing rule applies it to the project's open conversations."""

    form = ProjectForm
    list_display = (
        "display_name",
        "short_uuid",
        "timezone",
        "show_closing_time",
        "show_idle_timeout",
        "show_archive_retention",
    )
    list_display_links = ("display_name",)
    list_filter = ("timezone",)
    list_help = _(
        "The first event of a project creates it. A new time zone, closing time or idle timeout "
        "applies to the project's open conversations at once."
    )
    search_fields = ("name", "uuid")
    ordering = ("name",)

    @admin.display(description=_("name"))
    def display_name(self, project: Project) -> str:
        """Return the name."""
        return project.name or gettext("unnamed")

    @admin.display(description=_("UUID"))
    def short_uuid(self, project: Project) -> str:
        """Return the short uuid."""
        return short_id(project.uuid)

    @admin.display(description=_("closing time"))
    def show_closing_time(self, project: Project) -> str:
        """Return the closing time, with seconds only if it has some."""
        return project.closing_time.isoformat(
            "seconds" if project.closing_time.second else "minutes"
        )

    @admin.display(description=_("idle timeout"))
    def show_idle_timeout(self, project: Project) -> str | None:
        """Return the idle timeout as it is entered."""
        return as_text(project.idle_timeout) if project.idle_timeout else None

    @admin.display(description=_("archive retention"))
    def show_archive_retention(self, project: Project) -> str | None:
        """Return the archive retention as it is entered."""
        return as_text(project.archive_retention) if project.archive_retention else None

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Return the fields.

        To a user who may only view the project, durations are shown as they are entered.
        """
        fields = [str(field) for field in super().get_fields(request, obj)]
        if obj is None or self.has_change_permission(request, obj):
            return fields
        return [f"show_{field}" if field in DURATIONS else field for field in fields]

    def get_readonly_fields(self, _request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Return `uuid` for an existing project: a new uuid would create another project."""
        return ("uuid",) if obj else ()

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        """Return False: the next event of a deleted project would create it again."""
        return False

    def save_model(
        self, request: HttpRequest, obj: Project, form: forms.ModelForm, change: bool
    ) -> None:
        """Save the project, and move its open conversations after the admin's transaction.

        The stored closing rule is read under a lock. It may have changed since the form was read,
        and saving the form changes it back.
        """
        stored = Project.objects.select_for_update(no_key=True).filter(pk=obj.pk).first()
        if stored and any(getattr(stored, name) != getattr(obj, name) for name in CLOSING_RULE):
            obj.moving_since = now()
            # If this fails, the next ticks of close_due_conversations move them.
            transaction.on_commit(partial(finish_moves, [obj.pk]), robust=True)
        super().save_model(request, obj, form, change)
