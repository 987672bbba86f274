"""The console's pages that show figures."""

from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from apps.analytics.console.buckets import name
from apps.analytics.console.cards import cards
from apps.analytics.console.charts import charts
from apps.analytics.console.drilldown_page import ListForm, drilldown_page
from apps.analytics.console.queries import QueryForm, presets
from apps.analytics.figures import figures
from apps.common.clock import now
from apps.common.console_access import (
    MAY_READ_MESSAGES,
    MAY_SEE_FIGURES,
    console_view,
    is_open_to,
    log_access,
)


def urls(site: admin.AdminSite) -> list[URLPattern]:
    """The addresses of the pages, below those of survey answers in the admin site."""
    pages = {
        "analytics_console": ("console/", show_figures),
        "analytics_console_behind": ("console/behind/", show_drilldown),
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
    """The figures of a project and a period: in large, and as charts."""
    at = now()
    form = QueryForm(request.GET, now=at)
    if not form.is_valid():
        return _page(request, "console/figures.html", {"title": "Console", "form": form})
    query = form.query
    found = figures(scope=query.scope, period=query.period)
    log_access(
        request, page="console", project_id=query.scope.project, channel_id=query.scope.channel
    )
    context = {
        "title": "Console",
        # Filled in with the days that were meant where none were given.
        "form": QueryForm(initial=query.parameters, now=at),
        "period": name(query.period),
        "zone": query.project.timezone if query.project else "",
        "cards": cards(found, query=query),
        "charts": charts(found, query=query),
        "presets": presets(query, now=at),
        "query": query,
    }
    return _page(request, "console/figures.html", context)


def show_drilldown(request: HttpRequest) -> HttpResponse:
    """The conversations behind a bar. Raises Http404 for an address that no page leads to."""
    form = ListForm(request.GET, now=now())
    if not form.is_valid():
        raise Http404("There is no such list.")
    page = drilldown_page(form)
    scope = form.query.scope
    log_access(request, page="console behind", project_id=scope.project, channel_id=scope.channel)
    context = {
        "title": page.title,
        "page": page,
        "query": form.query,
        "may_read": is_open_to(request.user, permissions=MAY_READ_MESSAGES),
    }
    return _page(request, "console/drilldown.html", context)


def _page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    # The admin's side bar has a script and a filter that a phone has no room for.
    site = {**admin.site.each_context(request), "is_nav_sidebar_enabled": False}
    return TemplateResponse(request, template, {**site, **context})
