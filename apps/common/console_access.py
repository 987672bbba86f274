"""What all pages of the console share: who may see them, and what a browser may load for them."""

import logging
import re
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from apps.common.lossless_json import unescape

View = Callable[..., HttpResponseBase]

MAY_SEE_FIGURES = ("conversations.view_conversation", "analytics.view_surveyanswer")
MAY_READ_MESSAGES = (*MAY_SEE_FIGURES, "conversation_messages.view_conversationmessages")

# Scripts and styles are files of this site: the admin's own, and one style sheet. The images are
# the admin's icons, and an empty one so that browsers ask for none.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)

# What HTML cannot say, and the half of a character (a lone surrogate) that UTF-8 cannot.
_UNSHOWABLE = re.compile(r"[\x00\ud800-\udfff]")
_SYMBOLS = {"\0": "\N{SYMBOL FOR NULL}"}
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

logger = logging.getLogger(__name__)


def is_open_to(user: User | AnonymousUser, *, permissions: Sequence[str] = MAY_SEE_FIGURES) -> bool:
    """Whether the console is on and this user may see its pages."""
    enabled: bool = settings.CONSOLE_ENABLED
    return enabled and user.is_staff and user.has_perms(permissions)


def console_view(view: View, *, site: AdminSite, permissions: Sequence[str]) -> View:
    """A page of the admin site for those who have these permissions; it only reads.

    It does not exist (404) while CONSOLE_ENABLED is off, asks to sign in, and refuses (403) staff
    without the permissions. Each answer has the content security policy.
    """

    def permitted(request: HttpRequest, **arguments: Any) -> HttpResponseBase:
        if not is_open_to(request.user, permissions=permissions):
            raise PermissionDenied
        return view(request, **arguments)

    signed_in = site.admin_view(require_safe(permitted))

    @wraps(view)
    def guarded(request: HttpRequest, **arguments: Any) -> HttpResponseBase:
        if not settings.CONSOLE_ENABLED:
            raise Http404
        response: HttpResponseBase = signed_in(request, **arguments)
        response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response

    return guarded


def log_access(request: HttpRequest, *, page: str, **ids: UUID | None) -> None:
    """Say who looked at what, by ids only."""
    told = {name: str(value) for name, value in ids.items() if value}
    logger.info("console_page_viewed", extra={"page": page, "user_id": request.user.pk, **told})


def readable(text: str) -> str:
    """A stored text as it was, with symbols for NUL and for halves of characters."""
    return _UNSHOWABLE.sub(lambda match: _SYMBOLS.get(match[0], _REPLACEMENT), unescape(text))
