"""Projects side by side: a row for each, with the figures of a period as columns."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy

from apps.analytics.console.indicators import INDICATORS, Indicator
from apps.analytics.console.queries import PeriodForm, Query, days_of
from apps.analytics.console.tables import Cell, Column, Table, period_cells, period_columns
from apps.analytics.figures import Period, Scope, Totals, figures_by_project, texts
from apps.conversations.project_models import Project

# The address of a page has the chosen projects, and a web server accepts about 4,000 characters.
MAX_CHOSEN = 50
MAX_SHOWN = 500
BY_NAME = "project"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectsQuery:
    """The chosen projects (none: all of them), the period, and the order of the rows."""

    projects: Sequence[Project]
    period: Period
    sort: str

    @property
    def url(self) -> str:
        """The address of the page."""
        return self._address("admin:analytics_console_projects")

    @property
    def csv_url(self) -> str:
        """The address of the table as a CSV file."""
        return self._address("admin:analytics_console_projects_csv")

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of `ProjectsForm`."""
        chosen = [str(project.uuid) for project in self.projects]
        return {"project": chosen, **days_of(self.period), "sort": self.sort}

    def sorted_by(self, sort: str) -> Self:
        """Return the same query in another order."""
        return replace(self, sort=sort)

    def of(self, period: Period) -> Self:
        """Return the same query for another period."""
        return replace(self, period=period)

    def _address(self, view: str) -> str:
        return f"{reverse(view)}?{urlencode(self.fields, doseq=True)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRow:
    """A project and its figures. `is_over` is whether the period is over in its time zone."""

    project: Project
    totals: Totals
    is_over: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A column of the table, and how its values are computed and written."""

    column: Column
    value: Callable[[Totals], Any]
    text: Callable[[Any], str]

    def cell(self, totals: Totals) -> Cell:
        """Return the cell of a project."""
        value = self.value(totals)
        return Cell(value=value, text=self.text(value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A column's title with a link that orders by it; `order` is the present order, or ""."""

    title: str
    href: str
    order: str


class ProjectsForm(PeriodForm):
    """Projects, a period and an order."""

    project = forms.ModelMultipleChoiceField(
        Project.objects.order_by("name", "uuid"),
        required=False,
        label=gettext_lazy("Projects"),
        widget=forms.CheckboxSelectMultiple,
    )
    sort = forms.CharField(required=False, widget=forms.HiddenInput)
    field_order = ("project", "first", "last")

    def clean_project(self) -> list[Project]:
        """Return the chosen projects. Raise ValidationError if they are too many."""
        chosen = list(self.cleaned_data["project"])
        if len(chosen) > MAX_CHOSEN:
            text = gettext("Choose at most %(max)s projects, or none to compare all of them.")
            raise ValidationError(text % {"max": MAX_CHOSEN})
        return chosen

    def clean_sort(self) -> str:
        """Return the order, or that by name if there is no such column."""
        sort: str = self.cleaned_data["sort"]
        slugs = {BY_NAME, *(figure.column.slug for figure in _figures())}
        return sort if sort.removeprefix("-") in slugs else BY_NAME

    @property
    def query(self) -> ProjectsQuery:
        """The query of a valid form."""
        fields = self.cleaned_data
        return ProjectsQuery(
            projects=fields["project"], period=fields["period"], sort=fields["sort"]
        )


def project_rows(query: ProjectsQuery, *, now: datetime) -> list[ProjectRow]:
    """Return the chosen projects, or all that have figures in the period, in the query's order."""
    found = figures_by_project(scope=Scope(), period=query.period)
    projects = query.projects or Project.objects.filter(pk__in=found)
    rows = [
        ProjectRow(
            project=project,
            totals=found.get(project.uuid, Totals.of_nothing()),
            is_over=now.astimezone(ZoneInfo(project.timezone)).date() > query.period.last,
        )
        for project in projects
    ]
    return _sorted(rows, sort=query.sort)


def projects_table(rows: Sequence[ProjectRow], *, period: Period) -> Table:
    """Return the table of these projects. A file also has their ids and the period."""
    figures = _figures()
    # If no project is over, the page says so once.
    are_marked = any(row.is_over for row in rows)
    return Table(
        title=gettext("Projects"),
        columns=(
            Column(title=gettext("Project"), slug=BY_NAME),
            Column(title=gettext("Project id"), in_page=False),
            *period_columns(),
            *(figure.column for figure in figures),
        ),
        rows=[
            (
                _project_cell(row, period=period, is_marked=are_marked and not row.is_over),
                Cell(value=str(row.project.uuid)),
                *period_cells(period, is_over=row.is_over),
                *(figure.cell(row.totals) for figure in figures),
            )
            for row in rows
        ],
    )


def headings(table: Table, *, query: ProjectsQuery) -> list[Heading]:
    """Return the titles of the table on a page. A second selection turns the order round."""
    ascending, descending = "ascending", "descending"
    found = []
    for column in table.page_columns:
        orders = {column.slug: ascending, f"-{column.slug}": descending}
        # The largest figures come first, and names in alphabetical order.
        first, second = list(orders) if column.slug == BY_NAME else list(reversed(orders))
        found.append(
            Heading(
                title=column.title,
                href=query.sorted_by(second if query.sort == first else first).url,
                order=orders.get(query.sort, ""),
            )
        )
    return found


def _figures() -> list[Figure]:
    return [figure for indicator in INDICATORS for figure in _figures_of(indicator)]


def _figures_of(indicator: Indicator) -> Iterator[Figure]:
    yield Figure(
        column=Column(
            title=str(indicator.name), unit=str(indicator.unit.name), slug=indicator.slug
        ),
        value=indicator.value,
        text=indicator.unit.text,
    )
    if indicator.counted_name:
        yield Figure(
            column=Column(title=str(indicator.counted_name), slug=f"{indicator.slug}-answers"),
            value=indicator.counted,
            text=texts.whole,
        )


def _project_cell(row: ProjectRow, *, period: Period, is_marked: bool) -> Cell:
    scope = Scope(project=row.project.uuid)
    return Cell(
        value=str(row.project),
        text=str(row.project),
        href=Query(project=row.project, scope=scope, period=period).url,
        note=gettext("not over") if is_marked else "",
    )


def _sorted(rows: Sequence[ProjectRow], *, sort: str) -> list[ProjectRow]:
    """Return the rows in this order; those with equal figures by name, those without one last."""
    is_reversed, slug = sort.startswith("-"), sort.removeprefix("-")
    by_name = sorted(rows, key=lambda row: (str(row.project).casefold(), row.project.uuid))
    if slug == BY_NAME:
        return by_name[::-1] if is_reversed else by_name
    (value,) = [figure.value for figure in _figures() if figure.column.slug == slug]
    present = [row for row in by_name if value(row.totals) is not None]
    missing = [row for row in by_name if value(row.totals) is None]
    return [*sorted(present, key=lambda row: value(row.totals), reverse=is_reversed), *missing]
