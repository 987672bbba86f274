"""The views of the console's pages, and of their tables as CSV files."""

from datetime import date, datetime
from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.text import slugify
from django.utils.translation import gettext

from apps.analytics.console import notes
from apps.analytics.console.buckets import name
from apps.analytics.console.cards import cards, cards_table
from apps.analytics.console.charts import charts
from apps.analytics.console.comparisons import Comparison, compared
from apps.analytics.console.csv_files import csv_response
from apps.analytics.console.drilldown_page import DrilldownForm, drilldown_page
from apps.analytics.console.projects import (
    MAX_CHOSEN,
    MAX_SHOWN,
    ProjectsForm,
    ProjectsQuery,
    headings,
    project_rows,
    projects_table,
)
from apps.analytics.console.queries import Query, QueryForm, TableForm, days_of, presets
from apps.analytics.figures import Scope, Totals, channels, figures, local_today, totals_of
from apps.common.clock import now
from apps.common.console_access import (
    MAY_READ_MESSAGES,
    MAY_SEE_FIGURES,
    console_view,
    is_open_to,
    log_access,
)

# The table of the cards. All others have the names of their charts.
FIGURES = "figures"


def urls(site: admin.AdminSite) -> list[URLPattern]:
    """Return the URLs of the pages, below those of survey answers in the admin site."""
    pages = {
        "analytics_console": ("console/", show_figures),
        "analytics_console_csv": ("console/csv/", download_table),
        "analytics_console_projects": ("console/projects/", show_projects),
        "analytics_console_projects_csv": ("console/projects/csv/", download_projects),
        "analytics_console_drilldown": ("console/drilldown/", show_drilldown),
    }
    return [
        path(
            address,
            console_view(view, site=site, permissions=MAY_SEE_FIGURES),
            name=title,
        )
        for title, (address, view) in pages.items()
    ]


def show_figures(request: HttpRequest) -> HttpResponse:
    """Show the figures of a scope and a period, as cards and as charts."""
    at = now()
    title = gettext("Console")
    form = QueryForm(request.GET, now=at)
    if not form.is_valid():
        form.offer([])
        return _page(request, "console/figures.html", {"title": title, "form": form})
    query = form.query
    first_today, today = local_today(scope=query.scope, now=at)
    found = figures(scope=query.scope, period=query.period)
    totals = totals_of(found)
    comparison = _comparison(totals, query=query, first_today=first_today)
    _log(request, query, page="console")
    context = {
        "title": title,
        "form": _form_of(query, now=at),
        "period": name(query.period),
        "zone": notes.zone_note(query),
        "today": notes.today_note(query, first_today=first_today, today=today, now=at),
        "comparison": notes.comparison_note(comparison, query=query, first_today=first_today),
        "cards": cards(totals, comparison=comparison, query=query),
        "cards_csv": query.csv_url(FIGURES),
        "charts": [
            (chart, query.csv_url(chart.slug))
            for chart in charts(found, query=query, first_open_day=first_today)
        ],
        "presets": presets(query, today=today),
        "query": query,
    }
    return _page(request, "console/figures.html", context)


def download_table(request: HttpRequest) -> HttpResponse:
    """Return a table of the page as a CSV file. Raise Http404 if there is no such table."""
    at = now()
    form = TableForm(request.GET, now=at)
    if not form.is_valid():
        raise Http404("There is no such table.")
    query, slug = form.query, form.cleaned_data["table"]
    first_today, _ = local_today(scope=query.scope, now=at)
    found = figures(scope=query.scope, period=query.period)
    tables = {
        chart.slug: chart.table for chart in charts(found, query=query, first_open_day=first_today)
    }
    if slug == FIGURES:
        totals = totals_of(found)
        comparison = _comparison(totals, query=query, first_today=first_today)
        tables[slug] = cards_table(totals, comparison=comparison)
    if slug not in tables:
        raise Http404("There is no such table.")
    _log(request, query, page="console csv")
    return csv_response(tables[slug], name_parts=_name_parts(query))


def show_projects(request: HttpRequest) -> HttpResponse:
    """Show projects side by side."""
    at = now()
    title = gettext("Projects side by side")
    form = ProjectsForm(request.GET, now=at)
    if not form.is_valid():
        context = {"title": title, "form": form, "max_chosen": MAX_CHOSEN}
        return _page(request, "console/projects.html", context)
    query = form.query
    rows = project_rows(query, now=at)
    table = projects_table(rows[:MAX_SHOWN], period=query.period)
    _, today = local_today(scope=Scope(), now=at)
    is_open = bool(rows) and not any(row.is_over for row in rows)
    _log_projects(request, query, page="console projects")
    context = {
        "title": title,
        "form": ProjectsForm(initial=query.fields, now=at),
        "period": name(query.period),
        "open": notes.open_note(query.period) if is_open else "",
        "table": table,
        "headings": headings(table, query=query),
        "left_out": max(0, len(rows) - MAX_SHOWN),
        "max_chosen": MAX_CHOSEN,
        "presets": presets(query, today=today),
        "query": query,
    }
    return _page(request, "console/projects.html", context)


def download_projects(request: HttpRequest) -> HttpResponse:
    """Return the table of projects as a CSV file. Raise Http404 if the address is not valid."""
    at = now()
    form = ProjectsForm(request.GET, now=at)
    if not form.is_valid():
        raise Http404("There is no such table.")
    query = form.query
    table = projects_table(project_rows(query, now=at), period=query.period)
    _log_projects(request, query, page="console projects csv")
    return csv_response(table, name_parts=list(days_of(query.period).values()))


def show_drilldown(request: HttpRequest) -> HttpResponse:
    """Show the rows that a bar counts. Raise Http404 if the address is not that of a bar."""
    form = DrilldownForm(request.GET, now=now())
    if not form.is_valid():
        raise Http404("There is no such list.")
    page = drilldown_page(form)
    _log(request, form.query, page="console drilldown")
    context = {
        "title": page.title,
        "page": page,
        "query": form.query,
        "may_read": is_open_to(request.user, permissions=MAY_READ_MESSAGES),
    }
    return _page(request, "console/drilldown.html", context)


def _form_of(query: Query, *, now: datetime) -> QueryForm:
    """Return a new form, whose fields show the default period if none was entered."""
    form = QueryForm(initial=query.parameters, now=now)
    of_project = Scope(project=query.scope.project)
    form.offer(channels(scope=of_project, period=query.period) if query.project else [])
    return form


def _comparison(totals: Totals, *, query: Query, first_today: date) -> Comparison | None:
    return compared(totals, scope=query.scope, period=query.period, first_open_day=first_today)


def _name_parts(query: Query) -> list[str]:
    """Return what the name of a file says after the title of its table."""
    project = query.project
    channel = query.scope.channel
    return [
        # Names in other scripts have no letters that every system can store.
        (slugify(str(project)) or str(project.uuid)) if project else gettext("all projects"),
        gettext("channel %(uuid)s") % {"uuid": channel} if channel else "",
        *days_of(query.period).values(),
    ]


def _log(request: HttpRequest, query: Query, *, page: str) -> None:
    scope = query.scope
    log_access(request, page=page, project_id=scope.project, channel_id=scope.channel)


def _log_projects(request: HttpRequest, query: ProjectsQuery, *, page: str) -> None:
    log_access(request, page=page, project_ids=[project.uuid for project in query.projects])


def _page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    # A phone has no room for the side bar of the admin site, which has a filter.
    site = {**admin.site.each_context(request), "is_nav_sidebar_enabled": False}
    return TemplateResponse(request, template, {**site, **context})
