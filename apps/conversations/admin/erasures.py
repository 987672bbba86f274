"""Erasures in the admin site."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.conversations import search
from apps.conversations.admin.base import ReadOnlyAdmin
from apps.conversations.admin.cells import age, facts, short_id
from apps.conversations.admin.filters import ProjectFilter
from apps.conversations.admin.links import NOTHING, PROJECT, Link
from apps.conversations.admin.states import State, StateFilter
from apps.conversations.erasure_models import Erasure


class ErasureStateFilter(StateFilter):
    """Filter by whether contacts are erased."""

    def states(self) -> Sequence[State]:
        """Return the states of an erasure."""
        return [
            State("waiting", gettext("Not yet erased"), Q(erased_at=None)),
            State("erased", gettext("Erased"), ~Q(erased_at=None)),
        ]


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    """Pending and completed erasures, the latest first, without the contact."""

    list_display = ("short_uuid", "requested", "project", "erased", "what_was_removed")
    list_display_links = ("requested",)
    list_filter = (ErasureStateFilter, ProjectFilter)
    list_select_related = ("project",)
    list_help = _("Requested with the command erase. Workers carry them out.")
    fields = ("uuid", "project", "requested_at", "erased_at", "what_was_removed", "search_at")
    links: ClassVar[Mapping[str, Link]] = {"project": PROJECT}
    search_fields = ("uuid",)
    search_help_text = _("The UUID of an erasure.")
    ordering = ("-requested_at",)

    def get_search_results(
        self, _request: HttpRequest, erasures: QuerySet[Erasure], term: str
    ) -> tuple[QuerySet[Erasure], bool]:
        """Return the erasure with this uuid."""
        return search.by_uuid(erasures, term), False

    @admin.display(description=_("ID"))
    def short_uuid(self, erasure: Erasure) -> str:
        """Return the short uuid."""
        return short_id(erasure.uuid)

    @admin.display(description=_("requested"))
    def requested(self, erasure: Erasure) -> str:
        """Return how long ago the erasure was requested."""
        return age(erasure.requested_at)

    @admin.display(description=_("erased"))
    def erased(self, erasure: Erasure) -> str:
        """Return how long ago the contact was erased."""
        return age(erasure.erased_at) if erasure.erased_at else gettext("not yet")

    @admin.display(description=_("removed"))
    def what_was_removed(self, erasure: Erasure) -> str:
        """Return how much was removed of each kind."""
        return facts(erasure.removed) or NOTHING
