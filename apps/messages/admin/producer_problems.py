"""Problems of producers in the admin site."""

from collections.abc import Mapping
from typing import ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from apps.conversations.admin.base import ReadOnlyAdmin
from apps.conversations.admin.filters import period
from apps.conversations.admin.links import Link
from apps.messages.admin.named_projects import NAMED_PROJECT, of_project, with_project_names
from apps.messages.dead_letter_reasons import sentence_of
from apps.messages.models import ProducerProblem
from apps.messages.producer_problems import Problem, describe


class ProblemFilter(admin.SimpleListFilter):
    """Filter by problem."""

    title = _("problem")
    parameter_name = "problem"

    def lookups(self, _request: HttpRequest, _admin: object) -> list[tuple[str, str]]:
        """Return all problems."""
        return [(one.value, str(capfirst(one.label))) for one in Problem]

    def queryset(self, _request: HttpRequest, counts: QuerySet) -> QuerySet:
        """Return the counts of the chosen problem."""
        return counts.filter(problem=self.value()) if self.value() else counts


@admin.register(ProducerProblem)
class ProducerProblemAdmin(ReadOnlyAdmin):
    """What producers do wrong, by project and day."""

    list_display = ("day", "project_uuid", "producer", "events")
    list_filter = (ProblemFilter, period("day", title=_("day")))
    list_help = _(
        "What producers do wrong, with the number of events that were queued on a day in UTC. "
        "An event that ran twice counts twice."
    )
    search_fields = ("project_uuid",)
    search_help_text = _(
        "The UUID of a project. For events that name no project: "
        "00000000-0000-0000-0000-000000000000."
    )
    ordering = ("-day",)
    fields = ("day", "project_uuid", "producer", "problem", "detail", "events")
    links: ClassVar[Mapping[str, Link]] = {"project_uuid": NAMED_PROJECT}

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProducerProblem]:
        """Return the counts with the names of their projects."""
        return with_project_names(super().get_queryset(request))

    @admin.display(description=_("the producer"))
    def producer(self, one: ProducerProblem) -> str:
        """Return what the producer does. A reason is shown as its sentence."""
        return describe(one.problem, sentence_of(one.detail).rstrip("."))

    def get_search_results(
        self, _request: HttpRequest, counts: QuerySet[ProducerProblem], term: str
    ) -> tuple[QuerySet[ProducerProblem], bool]:
        """Return the counts of the project with this UUID."""
        return (of_project(counts, term) if term else counts), False
