"""The audit log in the admin site, and users and groups, whose changes are told in it, too."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.conversations.admin.base import Audited, ReadOnlyAdmin
from apps.conversations.admin.filters import exact, period
from apps.conversations.models import AuditEntry

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class AuditedUserAdmin(Audited, UserAdmin):
    """Who may sign in, and what they may do."""


@admin.register(Group)
class AuditedGroupAdmin(Audited, GroupAdmin):
    """What several users may do."""


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Who did what, the latest first."""

    list_display = ("at", "actor", "source", "action", "object_type", "object_id", "detail")
    list_display_links = ("at",)
    list_filter = ("action", exact("actor", title="actor"), period("at", title="time"))
    list_says = "What operators did here and on command lines, by ids. Times are UTC."
    search_fields = ("object_id",)
    search_help_text = "The id of an object, as it stands in the log."
    ordering = ("-at",)

    def get_search_results(
        self, _request: HttpRequest, entries: QuerySet[AuditEntry], term: str
    ) -> tuple[QuerySet[AuditEntry], bool]:
        """What is equal."""
        return (entries.filter(object_id=term.strip()) if term.strip() else entries), False
