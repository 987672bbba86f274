"""Base classes of the admin: lists of large tables, and changes that the audit log records."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import cached_property

from apps.conversations import audit
from apps.conversations.admin.links import LinkingAdmin
from apps.conversations.audit import Actor
from apps.conversations.audit_models import AuditAction

# Rows beyond this number are reached by a filter or a search.
MAX_PAGED = 10_000


def actor(request: HttpRequest) -> Actor:
    """Return the signed-in user as the actor of an audit entry."""
    return Actor(name=request.user.get_username(), source="admin")


class BoundedPaginator(Paginator):
    """A paginator that shows and counts at most `max_rows` rows: counting a large table is slow."""

    @cached_property
    def count(self) -> int:
        """Return the number of rows, at most `max_rows`."""
        rows: Any = self.object_list
        return int(rows[: self.max_rows].count())

    @property
    def max_rows(self) -> int:
        """Return the maximum number of rows on all pages together."""
        return MAX_PAGED

    @property
    def is_cut_off(self) -> bool:
        """Return whether there may be rows that no page shows."""
        return self.count >= self.max_rows


class IndexedChangeList(ChangeList):
    """A list in the order of its ModelAdmin, which an index serves; URLs cannot change it."""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet) -> list[Any]:
        """Return the order, with the primary key last so that pages are consistent."""
        return [*map(str, self.model_admin.get_ordering(request)), "-pk"]


class Audited(admin.ModelAdmin):
    """A ModelAdmin that records changes in the audit log and shows the log as their history."""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Record the addition of an object."""
        self._record(request, AuditAction.ADD, obj)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Record the names of the changed fields, without values, which may be personal data."""
        self._record(request, AuditAction.CHANGE, obj, fields=_fields(message))

    def log_deletions(self, request: HttpRequest, queryset: QuerySet) -> Any:
        """Record the deletion of each object."""
        for obj in queryset:
            self._record(request, AuditAction.DELETE, obj)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """Redirect to the entries of the object in the audit log."""
        address = reverse("admin:conversations_auditentry_changelist")
        return HttpResponseRedirect(f"{address}?{urlencode({'q': object_id})}")

    def _record(self, request: HttpRequest, action: AuditAction, obj: Any, **detail: Any) -> None:
        audit.record(actor=actor(request), action=action, of=type(obj), object_id=obj.pk, **detail)


class WideAdmin(LinkingAdmin):
    """A list without Django's sidebar, so that its columns fit on a page of 1280 pixels."""

    @property
    def media(self) -> forms.Media:
        """Return the style sheets and scripts, including those of the filters."""
        media = super().media + forms.Media(css={"all": ("console/admin.css",)})
        for list_filter in self.list_filter:
            media += getattr(list_filter, "media", forms.Media())
        return media

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Return the page of the list."""
        context = {"is_nav_sidebar_enabled": False, **(extra_context or {})}
        return super().changelist_view(request, context)


class BoundedAdmin(WideAdmin):
    """A list of a large table, which is never counted as a whole, in the order of an index.

    A URL can filter it only by the lookups of `list_filter` and `allowed_lookups`.
    """

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by = ()
    change_list_template = "console/bounded_list.html"
    allowed_lookups: Sequence[str] = ()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the class of the list."""
        return IndexedChangeList

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Return whether a URL may filter by this lookup.

        Names that are not fields are allowed: Django ignores them, or they are filters' parameters.
        """
        fields = {field.name for field in self.opts.get_fields()} | {"pk"}
        if lookup.partition("__")[0] not in fields or lookup in self.allowed_lookups:
            return True
        return any(_offers(list_filter, lookup) for list_filter in self.list_filter)


class ReadOnlyAdmin(Audited, BoundedAdmin):
    """A list whose rows cannot be added, changed or deleted here."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False."""
        return False


def _offers(list_filter: Any, lookup: str) -> bool:
    """Return whether a filter of `list_filter` offers the lookup."""
    if isinstance(list_filter, (str, tuple)):
        name = list_filter if isinstance(list_filter, str) else list_filter[0]
        return lookup == name or lookup.split("__")[:-1] == [name]
    parameters = getattr(list_filter, "parameters", ())
    return lookup in parameters or lookup == getattr(list_filter, "parameter_name", None)


def _fields(message: Any) -> list[str]:
    """Return the labels of the changed fields in Django's change message of a form."""
    if not isinstance(message, list):
        return []
    changes = [part["changed"] for part in message if isinstance(part, dict) and "changed" in part]
    return sorted(str(name) for change in changes for name in change.get("fields", ()))
