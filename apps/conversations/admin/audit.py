"""The audit log in the admin site."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.conversations.admin.base import ReadOnlyAdmin
from apps.conversations.admin.cells import age, facts, short_id
from apps.conversations.admin.filters import CapitalizedChoices, exact, period
from apps.conversations.admin.links import NOTHING
from apps.conversations.audit_models import AuditEntry


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """The actions of operators, the latest first."""

    list_display = (
        "when",
        "actor",
        "source",
        "action",
        "kind",
        "short_object_id",
        "details",
    )
    list_display_links = ("when",)
    list_filter = (
        ("action", CapitalizedChoices),
        exact("actor", title=_("actor")),
        period("at", title=_("time")),
    )
    list_help = _("Actions of operators in the admin site and on command lines.")
    fields = ("at", "actor", "source", "action", "kind", "object_id", "details")
    search_fields = ("object_id",)
    search_help_text = _("The ID of an object, as the log shows it.")
    ordering = ("-at",)

    def get_search_results(
        self, _request: HttpRequest, entries: QuerySet[AuditEntry], term: str
    ) -> tuple[QuerySet[AuditEntry], bool]:
        """Return the entries of the object with this id."""
        return (entries.filter(object_id=term.strip()) if term.strip() else entries), False

    @admin.display(description=_("when"))
    def when(self, entry: AuditEntry) -> str:
        """Return how long ago the action was."""
        return age(entry.at)

    @admin.display(description=_("object type"))
    def kind(self, entry: AuditEntry) -> str:
        """Return the kind of the object."""
        return entry.object_in_words

    @admin.display(description=_("object ID"))
    def short_object_id(self, entry: AuditEntry) -> str | None:
        """Return the short id of the object."""
        return short_id(entry.object_id) if entry.object_id else None

    @admin.display(description=_("details"))
    def details(self, entry: AuditEntry) -> str:
        """Return what else the entry says."""
        return facts(entry.detail) or NOTHING
