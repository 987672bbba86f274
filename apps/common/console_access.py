"""Access to the console's pages: permissions and the access log."""

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

from apps.common.lossless_json import unescape, unparse

View = Callable[..., HttpResponseBase]

MAY_SEE_FIGURES = ("conversations.view_conversation", "analytics.view_surveyanswer")
MAY_READ_MESSAGES = (*MAY_SEE_FIGURES, "conversation_messages.view_conversationmessages")

# HTML cannot contain NUL, and UTF-8 cannot encode a lone surrogate.
_UNSHOWABLE = re.compile(r"[\x00\ud800-\udfff]")
_SYMBOLS = {"\0": "\N{SYMBOL FOR NULL}"}
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

logger = logging.getLogger(__name__)


def is_open_to(user: User | AnonymousUser, *, permissions: Sequence[str] = MAY_SEE_FIGURES) -> bool:
    """Return whether the console is enabled and this user may see its pages."""
    enabled: bool = settings.CONSOLE_ENABLED
    return enabled and user.is_staff and user.has_perms(permissions)


def may_read_messages(user: User | AnonymousUser) -> bool:
    """Return whether this user may read what people wrote: transcripts and dead letters."""
    return is_open_to(user, permissions=MAY_READ_MESSAGES)


def console_view(view: View, *, site: AdminSite, permissions: Sequence[str]) -> View:
    """Wrap a read-only view as a page of the console, for users with these permissions.

    The page responds with 404 if CONSOLE_ENABLED is off. Otherwise see `admin_page`.
    """
    page = admin_page(view, site=site, permissions=permissions)

    @wraps(view)
    def enabled(request: HttpRequest, **arguments: Any) -> HttpResponseBase:
        if not settings.CONSOLE_ENABLED:
            raise Http404
        return page(request, **arguments)

    return enabled


def admin_page(view: View, *, site: AdminSite, permissions: Sequence[str]) -> View:
    """Wrap a read-only view as a page of the admin site for users with these permissions.

    The page redirects to the login page, and responds with 403 to staff who lack a permission.
    """

    def permitted(request: HttpRequest, **arguments: Any) -> HttpResponseBase:
        if not (request.user.is_staff and request.user.has_perms(permissions)):
            raise PermissionDenied
        return view(request, **arguments)

    page: View = wraps(view)(site.admin_view(require_safe(permitted)))
    return page


def log_access(request: HttpRequest, *, page: str, **ids: UUID | Sequence[UUID] | None) -> None:
    """Log which user viewed which page and objects, by ids only."""
    viewed = {
        name: str(value) if isinstance(value, UUID) else ",".join(map(str, value))
        for name, value in ids.items()
        if value
    }
    logger.info("console_page_viewed", extra={"page": page, "user_id": request.user.pk, **viewed})


def readable(text: str) -> str:
    """Return a stored text unescaped, with symbols in place of NUL and lone surrogates."""
    return _showable(unescape(text))


def readable_json(document: Any) -> str:
    """Return the JSON from which a stored document was parsed, with sorted keys."""
    return _showable(unparse(document))


def _showable(text: str) -> str:
    return _UNSHOWABLE.sub(lambda match: _SYMBOLS.get(match[0], _REPLACEMENT), text)
