"""The audit log in the admin site."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.conversations.admin.base import ReadOnlyAdmin
from apps.conversations.admin.filters import exact, period
from apps.conversations.models import AuditEntry


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """The actions of operators, the latest first."""

    list_display = ("at", "actor", "source", "action", "object_type", "object_id", "detail")
    list_display_links = ("at",)
    list_filter = ("action", exact("actor", title="actor"), period("at", title="time"))
    list_help = "Actions of operators in the admin site and on command lines. Times are UTC."
    search_fields = ("object_id",)
    search_help_text = "The id of an object, as the log shows it."
    ordering = ("-at",)

    def get_search_results(
        self, _request: HttpRequest, entries: QuerySet[AuditEntry], term: str
    ) -> tuple[QuerySet[AuditEntry], bool]:
        """Return the entries of the object with this id."""
        return (entries.filter(object_id=term.strip()) if term.strip() else entries), False
