"""The status as a page of the admin site, for staff with the permission to see it."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from operations.doctor.findings import counted
from operations.status import tables
from operations.status.current import current_status
from operations.status.judging_work import DEAD_LETTERS
from operations.status.lines import Line, Report, State
from operations.status.links import LISTS, letters_of

MAY_SEE_STATUS = "conversations.view_status"
# In seconds.
REFRESH_EVERY = 15
REFRESH = "refresh"
OFF = "off"


def show_status(request: HttpRequest) -> HttpResponse:
    """Show the page."""
    context = status_context(request)
    page = {
        **admin.site.each_context(request),
        # A phone has no room for the side bar of the admin site.
        "is_nav_sidebar_enabled": False,
        "title": _("Status: %(state)s") % {"state": context["report"].state.shown},
        "status": context,
        "status_refresh": refresh_after(request),
    }
    return TemplateResponse(request, "status/page.html", page)


def status_context(request: HttpRequest) -> dict[str, Any]:
    """Read the status, and return what the template of the report needs."""
    report = current_status()
    return {
        "report": report,
        "counts": _counts(report),
        "rows": [_row(line, request) for line in report.lines],
        "tables": _tables(report, request),
        "refresh_after": refresh_after(request),
        "stop_url": f"?{REFRESH}={OFF}",
        "start_url": "?",
    }


def refresh_after(request: HttpRequest) -> int | None:
    """Return after how many seconds the page refreshes itself, or None if the user stopped it."""
    return None if request.GET.get(REFRESH) == OFF else REFRESH_EVERY


def _counts(report: Report) -> list[str]:
    """Return how many lines have each state, the worst state first, without states of no line."""
    counts = ((state, report.count(state)) for state in reversed(State))
    return [state.counted(number) for state, number in counts if number]


def _row(line: Line, request: HttpRequest) -> Mapping[str, Any]:
    behind = LISTS.get(line.name)
    return {
        "line": line,
        "sentence": _sentence(line),
        "url": behind.url_for(request.user) if behind else "",
        "words": behind.words if behind else "",
    }


def _sentence(line: Line) -> str:
    """Return the sentence of a line. A page shows codes of reasons as sentences, in a table."""
    letters = line.values.get("waiting")
    if line.name != DEAD_LETTERS.name or not letters:
        return line.sentence
    waiting = counted(letters, "dead letter waits", "dead letters wait")
    sentence = _("%(letters)s for a decision. A table below has the reasons.")
    return sentence % {"letters": waiting}


def _tables(report: Report, request: HttpRequest) -> list[dict[str, Any]]:
    """Return the tables, with each cell as its head, its text and a link or ""."""
    return [
        {
            "table": table,
            "rows": [
                [
                    (head, text, url if number == 0 else "")
                    for number, (head, text) in enumerate(zip(table.head, row, strict=True))
                ]
                for row, url in zip(table.rows, _urls(table, request), strict=True)
            ],
        }
        for table in tables.tables(report)
    ]


def _urls(table: tables.Table, request: HttpRequest) -> list[str]:
    """Return the address of the list behind each row, or ""."""
    if not table.reasons:
        return [""] * len(table.rows)
    return [letters_of(reason).url_for(request.user) for reason in table.reasons]
