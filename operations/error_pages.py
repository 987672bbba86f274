"""The pages that the admin site shows instead of an error. None of them needs a database.

Django calls these functions (`handler400` and so on in config/urls.py, and two settings).
"""

import sys
from typing import Any

from django.conf import settings
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from apps.common.errors import Unavailable, is_external

# In seconds. Browsers ignore it, but programs and proxies wait this long before they try again.
RETRY_AFTER_OUTAGE = 30


def bad_request(_request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return the page for a request that Django refuses, such as one for an unknown host."""
    return _page(
        400,
        _("This request cannot be answered"),
        _("If the address in your browser is right, add its host name to DJANGO_ALLOWED_HOSTS."),
    )


def permission_denied(_request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return the page for a user who lacks a permission."""
    return _page(
        403,
        _("You do not have the permission for this"),
        _("Ask an administrator for it, or log in as another user."),
    )


def csrf_failure(_request: HttpRequest, reason: str = "") -> HttpResponse:
    """Return the page for a form that does not come from a page of this site."""
    return _page(
        403,
        _("The form was not accepted"),
        _(
            "It is too old, or your browser does not accept cookies. Go back, reload the page and "
            "enter it again."
        ),
    )


def page_not_found(_request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return the page for an address that does not exist."""
    return _page(
        404,
        _("There is no such page"),
        _("Its address may be misspelt, or its object was deleted."),
    )


def locked_out(_request: HttpRequest, *_details: Any) -> HttpResponse:
    """Return the page for a login that is refused after too many wrong passwords."""
    wait = settings.AXES_COOLOFF_TIME
    return _page(
        429,
        _("Too many logins have failed"),
        _(
            "Try again in %(minutes)d minutes. Until then even the right password is refused for "
            "this user at this address."
        )
        % {"minutes": wait.seconds // 60},
        retry_after=wait.seconds,
    )


def server_error(_request: HttpRequest) -> HttpResponse:
    """Return the page for an error: an outage if a dependency is down, otherwise a bug."""
    # Django calls this while it handles the error.
    error = sys.exception()
    is_outage = isinstance(error, Unavailable) or (isinstance(error, Error) and is_external(error))
    if not is_outage:
        return _page(
            500,
            _("Something went wrong here"),
            _(
                "The error is logged with the time and its place in the code. If it persists, "
                "report it."
            ),
        )
    return _page(
        503,
        _("The database cannot be reached"),
        _(
            "Reload the page in a minute. If that does not help, `python manage.py doctor` shows "
            "what to fix."
        ),
        retry_after=RETRY_AFTER_OUTAGE,
    )


def _page(status: int, title: str, advice: str, *, retry_after: int | None = None) -> HttpResponse:
    context = {"status": status, "title": title, "advice": advice}
    # Without the request, so that no context processor reads the user from the database.
    page = HttpResponse(render_to_string("errors/page.html", context), status=status)
    page["Cache-Control"] = "no-store"
    if retry_after is not None:
        page["Retry-After"] = str(retry_after)
    return page
