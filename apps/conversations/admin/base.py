"""What the lists of large tables, and all changes in the admin site, have in common."""

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
from apps.conversations.audit import Actor
from apps.conversations.models import AuditAction

# More are found by a filter or by a search.
MAX_PAGED = 10_000


def actor(request: HttpRequest) -> Actor:
    """Who asks."""
    return Actor(name=request.user.get_username(), source="admin")


class BoundedPaginator(Paginator):
    """Counts no more than it pages through: counting a large table takes long."""

    @cached_property
    def count(self) -> int:
        """How many there are, or the most that are paged."""
        rows: Any = self.object_list
        return int(rows[: self.most].count())

    @property
    def most(self) -> int:
        """How many are paged at most."""
        return MAX_PAGED

    @property
    def is_cut_off(self) -> bool:
        """Whether there may be more than are paged."""
        return self.count >= self.most


class IndexedChangeList(ChangeList):
    """Orders as the model's admin says, which an index serves, and not as an address asks."""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet) -> list[Any]:
        """With the primary key at the end: no two rows change places between pages."""
        return [*map(str, self.model_admin.get_ordering(request)), "-pk"]


class Audited(admin.ModelAdmin):
    """A ModelAdmin whose changes are told in the audit log, and whose history is read there."""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Somebody added one."""
        self._record(request, AuditAction.ADD, obj)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Somebody changed one; tells the fields, not their values: those may be names."""
        self._record(request, AuditAction.CHANGE, obj, fields=_fields(message))

    def log_deletions(self, request: HttpRequest, queryset: QuerySet) -> Any:
        """Somebody deletes these."""
        for obj in queryset:
            self._record(request, AuditAction.DELETE, obj)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """What the audit log has of this object."""
        address = reverse("admin:conversations_auditentry_changelist")
        return HttpResponseRedirect(f"{address}?{urlencode({'q': object_id})}")

    def _record(self, request: HttpRequest, action: AuditAction, obj: Any, **detail: Any) -> None:
        audit.record(actor=actor(request), action=action, of=type(obj), object_id=obj.pk, **detail)


class BoundedAdmin(admin.ModelAdmin):
    """Lists a large table: never counted as a whole, in an order that an index has.

    Nothing can be filtered by an address but what the filters offer, and `allowed_lookups`.
    """

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by = ()
    change_list_template = "console/bounded_list.html"
    allowed_lookups: Sequence[str] = ()

    @property
    def media(self) -> forms.Media:
        """With what the filters need in a browser."""
        media = super().media + forms.Media(css={"all": ("console/admin.css",)})
        for one in self.list_filter:
            media += getattr(one, "media", forms.Media())
        return media

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The class of the list."""
        return IndexedChangeList

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """What is no field is ignored later, or is a filter's own parameter."""
        fields = {field.name for field in self.opts.get_fields()} | {"pk"}
        if lookup.split("__")[0] not in fields or lookup in self.allowed_lookups:
            return True
        return any(_offers(one, lookup) for one in self.list_filter)


class ReadOnlyAdmin(Audited, BoundedAdmin):
    """Nothing can be added, changed or deleted here."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False


def _offers(list_filter: Any, lookup: str) -> bool:
    """Whether the lookup is one of a filter's own."""
    if isinstance(list_filter, (str, tuple)):
        name = list_filter if isinstance(list_filter, str) else list_filter[0]
        return lookup.split("__")[:-1] == [name]
    parameters = getattr(list_filter, "parameters", ())
    return lookup in parameters or lookup == getattr(list_filter, "parameter_name", None)


def _fields(message: Any) -> list[str]:
    """The labels of the fields in a message that Django makes of a form."""
    if not isinstance(message, list):
        return []
    changes = [one["changed"] for one in message if isinstance(one, dict) and "changed" in one]
    return sorted(str(name) for change in changes for name in change.get("fields", ()))
