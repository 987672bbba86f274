"""Filters of the admin's lists: a state that is chosen; a period, a project or a name to fill in.

Those are forms with GET, each of which keeps what the other filters and the search have been given.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from apps.conversations.models import Conversation, Project, Resolution
from apps.conversations.project_settings import parse_uuid

# What the address says beside filters and search, and what another filter makes wrong.
NOT_KEPT = frozenset({"p", "e", "all"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of a filter's form: HTML of its own, or an input of a type."""

    name: str
    label: str
    value: str
    kind: str = "text"
    html: SafeString | None = None


class StateFilter(admin.SimpleListFilter):
    """By what an index has in the order of the list."""

    title = "state"
    parameter_name = "state"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, str]]:
        """What can be chosen."""
        resolutions = [
            (str(one.value), f"Closed as {one.label.lower()}")
            for one in Resolution
            if one is not Resolution.IN_PROGRESS
        ]
        return [
            (str(Resolution.IN_PROGRESS.value), "In progress"),
            ("closed", "Closed"),
            *resolutions,
            ("unarchived", "Closed, not yet archived"),
            ("wanted", "Asked for, not yet done"),
        ]

    def queryset(
        self, _request: HttpRequest, conversations: QuerySet[Conversation]
    ) -> QuerySet[Conversation]:
        """Those in the state that is chosen."""
        closed = conversations.exclude(resolution=Resolution.IN_PROGRESS)
        match self.value():
            case None:
                return conversations
            case "closed":
                return closed
            case "unarchived":
                return closed.filter(archived_at=None)
            case "wanted":
                return conversations.exclude(requested_resolution=None)
            case str(value) if value in {str(one) for one in Resolution.values}:
                return conversations.filter(resolution=int(value))
            case _:
                return conversations.none()


class FormFilter(ABC, admin.ListFilter):
    """What is filled in. Subclasses say which parameters, and what they mean.

    What cannot be read finds nothing, and `problem` says why, in a sentence.
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
        """Whether anything is filled in."""
        return any(self.given.values())

    def has_output(self) -> bool:
        """Always: it has to be there to be filled in."""
        return True

    def expected_parameters(self) -> list[str | None]:
        """Those that "Clear all filters" takes away."""
        return [*self.parameters]

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        """The way back to a list without this filter."""
        yield {"query_string": changelist.get_query_string(remove=self.parameters)}

    @abstractmethod
    def fields(self) -> list[Field]:
        """What is to be filled in."""

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """What the form asks for; all, where nothing is filled in."""
        if not self.is_used:
            return queryset
        try:
            return self.filtered(queryset)
        except ValueError as problem:
            self.problem = str(problem)
        except OverflowError:
            self.problem = "There is no such period: it is out of range."
        return queryset.none()

    @abstractmethod
    def filtered(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Raises ValueError, with a sentence, for what cannot be read."""


class PeriodFilter(FormFilter):
    """From a day to a day, both of them included, in UTC; either may be left out.

    `max_days` bounds it where rows of the period may have to be read to be filtered by something
    else: then both days are needed, or the other one is taken to be that far away.
    """

    field = ""
    max_days: int | None = None

    def fields(self) -> list[Field]:
        """Two dates."""
        return [
            Field(name=name, label=label, value=self.given[name], kind="date")
            for name, label in zip(self.parameters, ("From", "To"), strict=True)
        ]

    def filtered(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """By bounds that an index on the field finds."""
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
            raise ValueError(f"At most {self.max_days} days at once.")
        return first, last


def period(name: str, *, title: str, max_days: int | None = None) -> type[PeriodFilter]:
    """A filter by the time that a field has."""
    short = name.removesuffix("_at")
    return type(
        f"PeriodOf{short.title()}",
        (PeriodFilter,),
        {
            "title": f"{title} (days in UTC)",
            "field": name,
            "parameters": (f"{short}_from", f"{short}_to"),
            "max_days": max_days,
        },
    )


class ExactFilter(FormFilter):
    """By a value as it stands there."""

    label = ""

    def fields(self) -> list[Field]:
        """One line."""
        (name,) = self.parameters
        return [Field(name=name, label=self.label, value=self.given[name])]

    def filtered(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """What is equal."""
        return queryset.filter(**self.given)


def exact(name: str, *, title: str) -> type[ExactFilter]:
    """A filter by the value of a field."""
    attributes = {"title": title, "label": title.capitalize(), "parameters": (name,)}
    return type(f"ExactFilterOf{name.title()}", (ExactFilter,), attributes)


def _widget(site: admin.AdminSite) -> AutocompleteSelect:
    reference = Conversation._meta.get_field("project")
    return AutocompleteSelect(reference, site, attrs={"data-width": "100%"})


class ProjectFilter(FormFilter):
    """By a project, which is searched for as its first letters are typed: there may be thousands.

    That needs leave to view projects; others can still follow an address with a project's uuid.
    """

    title = "project"
    parameters = ("project",)
    media = _widget(admin.site).media

    def fields(self) -> list[Field]:
        """The field with which Django's forms choose from large tables."""
        value = self.given["project"]
        return [Field(name="project", label="Project", value=value, html=self._select(value))]

    def filtered(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """What belongs to the project."""
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
        raise ValueError(f'"{text[:20]}" is not a day: write it as 2026-11-23.') from None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
