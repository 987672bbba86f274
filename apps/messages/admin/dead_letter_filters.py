"""The filters of the list of dead letters."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.conversations.admin.states import State, StateFilter
from apps.conversations.project_models import Project
from apps.messages import dead_letters
from apps.messages.admin.named_projects import of_project
from apps.messages.dead_letter_reasons import sentence_of

# Each project costs one index lookup. The search finds the projects beyond this limit.
MAX_PROJECTS = 50


class ReasonFilter(admin.SimpleListFilter):
    """Filter by reason."""

    title = _("reason")
    parameter_name = "reason"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, str]]:
        """Return the reasons that the table has."""
        return [(reason, sentence_of(reason)) for reason in dead_letters.reasons()]

    def queryset(self, _request: HttpRequest, letters: QuerySet) -> QuerySet:
        """Return the dead letters that have the chosen reason."""
        return letters.filter(reason=self.value()) if self.value() else letters


class RedrivenFilter(StateFilter):
    """Filter by what was decided about dead letters, in the words of the list's column."""

    def states(self) -> Sequence[State]:
        """Return the states of a dead letter."""
        return [
            State(
                "waiting",
                gettext("Waits for a decision"),
                Q(redriven_at=None, redrive_requested_at=None),
            ),
            State("wanted", gettext("Redrive requested"), ~Q(redrive_requested_at=None)),
            State("redriven", gettext("Redriven"), ~Q(redriven_at=None)),
        ]


class DeadProjectFilter(admin.SimpleListFilter):
    """Filter by project. It offers at most MAX_PROJECTS; the search finds the rest."""

    title = _("project")
    parameter_name = "project"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, str]]:
        """Return the projects that dead letters name, by their names if they have any."""
        uuids = dead_letters.project_uuids(limit=MAX_PROJECTS)
        names = dict(Project.objects.filter(uuid__in=uuids).values_list("uuid", "name"))
        return [(str(uuid), names.get(uuid) or str(uuid)) for uuid in uuids]

    def queryset(self, _request: HttpRequest, letters: QuerySet) -> QuerySet:
        """Return the dead letters of the chosen project; none if the value is not a UUID."""
        value = self.value()
        return of_project(letters, value) if value else letters
