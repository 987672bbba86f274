"""Erasures in the admin site."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.conversations import search
from apps.conversations.admin.base import ReadOnlyAdmin
from apps.conversations.admin.filters import ProjectFilter
from apps.conversations.models import Erasure


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    """Pending and completed erasures, the latest first, without the contact."""

    list_display = ("uuid", "project", "requested_at", "erased_at", "removed")
    list_filter = (("erased_at", admin.EmptyFieldListFilter), ProjectFilter)
    list_select_related = ("project",)
    list_help = "Requested with the command erase and executed by workers. Times are UTC."
    fields = ("uuid", "project", "requested_at", "erased_at", "removed")
    search_fields = ("uuid",)
    search_help_text = "An erasure's uuid."
    ordering = ("-requested_at",)

    def get_search_results(
        self, _request: HttpRequest, erasures: QuerySet[Erasure], term: str
    ) -> tuple[QuerySet[Erasure], bool]:
        """Return the erasure with this uuid."""
        return search.by_uuid(erasures, term), False
