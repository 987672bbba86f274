"""Filters of the admin's lists that are forms: for a period, a project or a name.

The forms use GET, and each keeps the parameters of the other filters and of the search.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.text import capfirst, format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.conversations.models import Conversation
from apps.conversations.project_models import Project
from apps.conversations.project_settings import parse_uuid

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# Django's parameters that a changed filter makes invalid: the page, an error, showing all rows.
NOT_KEPT = frozenset({"p", "e", "all"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of a filter's form: `html` if it is set, else an input of the type `kind`."""

    name: str
    label: str
    value: str
    kind: str = "text"
    html: SafeString | None = None


class CapitalizedChoices(admin.ChoicesFieldListFilter):
    """Django's filter by the choices of a field, which begin in upper case as other filters do."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Yield the choices."""
        for choice in super().choices(changelist):
            yield {**choice, "display": capfirst(choice["display"])}


class FormFilter(ABC, admin.ListFilter):
    """A filter that is a form. Subclasses define its parameters and their meaning.

    If the input is invalid, the list is empty and `problem` has a sentence for the user.
    """

    template = "console/form_filter.html"
    parameters: tuple[str, ...] = ()

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self.problem = ""
        self.given = {name: params.pop(name, [""])[-1].strip() for name in self.parameters}
        self.kept = [
            (name, value)
            for name, value in request.GET.items()
            if name not in NOT_KEPT and name not in self.parameters
        ]
        self.admin_site = model_admin.admin_site

    @property
    def is_used(self) -> bool:
        """Return whether any field is filled in."""
        return any(self.given.values())

    def has_output(self) -> bool:
        """Return True, so that the form is always shown."""
        return True

    def expected_parameters(self) -> list[str | None]:
        """Return the parameters that "Clear all filters" removes."""
        return [*self.parameters]

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        """Yield the link to the list without this filter."""
        yield {"query_string": changelist.get_query_string(remove=self.parameters)}

    @abstractmethod
    def fields(self) -> list[Field]:
        """Return the fields of the form."""

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the matching rows: all of them if the form is empty, none if it is invalid."""
        if not self.is_used:
            return queryset
        try:
            return self.filtered(queryset)
        except ValueError as problem:
            self.problem = str(problem)
        except OverflowError:
            self.problem = gettext("The period is out of range.")
        return queryset.none()

    @abstractmethod
    def filtered(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the matching rows. Raise ValueError with a sentence if the input is invalid."""


class PeriodFilter(FormFilter):
    """A filter by a period of days in UTC, which includes both days. Either may be left out.

    `max_days` limits the period if PostgreSQL may have to read all its rows to apply the other
    filters. If one day is left out then, the period is `max_days` long.
    """

    field = ""
    max_days: int | None = None

    def fields(self) -> list[Field]:
        """Return the first and the last day."""
        return [
            Field(name=name, label=label, value=self.given[name], kind="date")
            for name, label in zip(self.parameters, (gettext("From"), gettext("To")), strict=True)
        ]

    def filtered(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of the period, by a range that an index on the field serves."""
        first, last = (_day(self.given[name]) for name in self.parameters)
        if self.max_days is not None:
            first, last = self._bounded(first, last)
        if first:
            queryset = queryset.filter(**{f"{self.field}__gte": _midnight(first)})
        if last:
            before = _midnight(last) + timedelta(days=1)
            queryset = queryset.filter(**{f"{self.field}__lt": before})
        return queryset

    def _bounded(self, first: date | None, last: date | None) -> tuple[date, date]:
        limit = timedelta(days=(self.max_days or 0) - 1)
        last = last or ((first or date.min) + limit)
        first = first or last - limit
        if last - first > limit:
            raise ValueError(gettext("At most %(max)d days at once.") % {"max": self.max_days})
        return first, last


def period(name: str, *, title: "StrOrPromise", max_days: int | None = None) -> type[PeriodFilter]:
    """Return a filter class for the time in a field."""
    short = name.removesuffix("_at")
    return type(
        f"PeriodOf{short.title()}",
        (PeriodFilter,),
        {
            "title": format_lazy(_("{period} (days in UTC)"), period=title),
            "field": name,
            "parameters": (f"{short}_from", f"{short}_to"),
            "max_days": max_days,
        },
    )


class ExactFilter(FormFilter):
    """A filter by an exact value."""

    label: "StrOrPromise" = ""

    def fields(self) -> list[Field]:
        """Return one text field."""
        (name,) = self.parameters
        return [Field(name=name, label=str(self.label), value=self.given[name])]

    def filtered(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows with this value."""
        return queryset.filter(**self.given)


def exact(name: str, *, title: "StrOrPromise") -> type[ExactFilter]:
    """Return a filter class for the exact value of a field."""
    attributes = {"title": title, "label": capfirst(title), "parameters": (name,)}
    return type(f"ExactFilterOf{name.title()}", (ExactFilter,), attributes)


def _widget(site: admin.AdminSite) -> AutocompleteSelect:
    reference = Conversation._meta.get_field("project")
    return AutocompleteSelect(reference, site, attrs={"data-width": "100%"})


class ProjectFilter(FormFilter):
    """A filter by a project, which the user finds by typing: there may be thousands of projects.

    Typing needs the permission to view projects. Links with a project's uuid work without it.
    """

    title = _("project")
    parameters = ("project",)
    media = _widget(admin.site).media

    def fields(self) -> list[Field]:
        """Return Django's autocomplete field, which suits large tables."""
        value = self.given["project"]
        return [
            Field(name="project", label=gettext("Project"), value=value, html=self._select(value))
        ]

    def filtered(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of the project."""
        return queryset.filter(project_id=parse_uuid(self.given["project"]))

    def _select(self, value: str) -> SafeString:
        field = forms.ModelChoiceField(
            queryset=Project.objects.all(), required=False, widget=_widget(self.admin_site)
        )
        chosen = value if _is_uuid(value) else None
        return SafeString(field.widget.render("project", chosen, {"id": "filter-project"}))


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        sentence = gettext('"%(text)s" is not a day: write it as 2026-11-23.')
        raise ValueError(sentence % {"text": text[:20]}) from None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
