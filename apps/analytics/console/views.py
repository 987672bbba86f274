"""The views of the console's figures and drill-down pages."""

from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from apps.analytics.console.buckets import long_date, name
from apps.analytics.console.cards import cards
from apps.analytics.console.charts import charts
from apps.analytics.console.drilldown_page import DrilldownForm, drilldown_page
from apps.analytics.console.queries import QueryForm, presets
from apps.analytics.figures import figures, local_today
from apps.common.clock import now
from apps.common.console_access import (
    MAY_READ_MESSAGES,
    MAY_SEE_FIGURES,
    console_view,
    is_open_to,
    log_access,
)


def urls(site: admin.AdminSite) -> list[URLPattern]:
    """Return the URLs of the pages, below those of survey answers in the admin site."""
    pages = {
        "analytics_console": ("console/", show_figures),
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
    form = QueryForm(request.GET, now=at)
    if not form.is_valid():
        return _page(request, "console/figures.html", {"title": "Console", "form": form})
    query = form.query
    first_today, today = local_today(scope=query.scope, now=at)
    found = figures(scope=query.scope, period=query.period)
    log_access(
        request, page="console", project_id=query.scope.project, channel_id=query.scope.channel
    )
    context = {
        "title": "Console",
        # A new form, so that the fields show the default period if none was entered.
        "form": QueryForm(initial=query.parameters, now=at),
        "period": name(query.period),
        "zone": query.project.timezone if query.project else "",
        "cards": cards(found, query=query),
        "charts": charts(found, query=query),
        "presets": presets(query, today=today),
        "begun_in_some": long_date(today) if first_today < today == query.period.last else "",
        "query": query,
    }
    return _page(request, "console/figures.html", context)


def show_drilldown(request: HttpRequest) -> HttpResponse:
    """Show the rows that a bar counts. Raise Http404 if the address is not that of a bar."""
    form = DrilldownForm(request.GET, now=now())
    if not form.is_valid():
        raise Http404("There is no such list.")
    page = drilldown_page(form)
    scope = form.query.scope
    log_access(
        request, page="console drilldown", project_id=scope.project, channel_id=scope.channel
    )
    context = {
        "title": page.title,
        "page": page,
        "query": form.query,
        "may_read": is_open_to(request.user, permissions=MAY_READ_MESSAGES),
    }
    return _page(request, "console/drilldown.html", context)


def _page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    # A phone has no room for the side bar of the admin site, which has a filter.
    site = {**admin.site.each_context(request), "is_nav_sidebar_enabled": False}
    return TemplateResponse(request, template, {**site, **context})
