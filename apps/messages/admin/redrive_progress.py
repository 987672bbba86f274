"""The page that shows how far a requested redrive is."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from apps.common.clock import now
from apps.messages.models import DeadLetter

REFRESH_SECONDS = 5
MAX_SHOWN = 100
# Beat collects and redrives every minute, so a request that waits longer has a cause.
OVERDUE_AFTER = timedelta(minutes=3)

_NAME = "conversation_messages_redrive_progress"
_IDS = re.compile(r"[0-9]{1,18}(,[0-9]{1,18})*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How many of some letters are redriven. `deleted` is the number of those that are gone."""

    total: int
    redriven: int
    deleted: int
    waiting: Sequence[DeadLetter]
    refused: Sequence[DeadLetter]

    @property
    def done(self) -> int:
        """Return how many letters do not wait any more."""
        return self.total - len(self.waiting)

    def is_overdue(self, *, at: datetime) -> bool:
        """Return whether a letter waits for longer than a worker usually needs."""
        asked = [letter.redrive_requested_at for letter in self.waiting]
        return any(one and at - one > OVERDUE_AFTER for one in asked)


def urls(model_admin: admin.ModelAdmin) -> list[URLPattern]:
    """Return the URL of the page, below those of dead letters."""

    def page(request: HttpRequest) -> HttpResponse:
        return _show(request, model_admin=model_admin)

    return [path("redrive-progress/", model_admin.admin_site.admin_view(page), name=_NAME)]


def address(ids: Sequence[int]) -> str:
    """Return the address of the page for these letters."""
    return f"{reverse(f'admin:{_NAME}')}?{urlencode({'ids': ','.join(map(str, ids))}, safe=',')}"


def progress_of(ids: Sequence[int]) -> Progress:
    """Return how far the redrive of these letters is."""
    letters = DeadLetter.objects.filter(pk__in=ids).defer("body", "error", "attributes")
    waiting = [one for one in letters if one.redrive_requested_at]
    rest = [one for one in letters if not one.redrive_requested_at]
    return Progress(
        total=len(ids),
        redriven=sum(1 for one in rest if one.redriven_at),
        deleted=len(ids) - len(letters),
        waiting=waiting,
        refused=[one for one in rest if not one.redriven_at],
    )


def _show(request: HttpRequest, *, model_admin: admin.ModelAdmin) -> HttpResponse:
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    progress = progress_of(_ids(request.GET.get("ids", "")))
    context: dict[str, Any] = {
        **model_admin.admin_site.each_context(request),
        "title": _("Redrive of dead letters"),
        "opts": model_admin.opts,
        "progress": progress,
        "is_overdue": progress.is_overdue(at=now()),
        "refresh_seconds": REFRESH_SECONDS,
    }
    return TemplateResponse(request, "console/redrive_progress.html", context)


def _ids(text: str) -> list[int]:
    ids = sorted({int(one) for one in text.split(",")}) if _IDS.fullmatch(text) else []
    if not 0 < len(ids) <= MAX_SHOWN:
        raise Http404(f"The address must name 1 to {MAX_SHOWN} dead letters.")
    return ids
