"""The content security policy of every page: browsers run and load only files of this site."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

# Scripts and styles are files: the admin's own and a few style sheets. Images are the admin's
# icons, and an empty data: icon that keeps browsers from requesting a favicon. The admin's choice
# lists fetch their entries from this site.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)


def content_security_policy(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Return a middleware that adds the policy to every response."""

    def add_policy(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        # The page that Django shows developers for an error has inline styles and scripts.
        if not (settings.DEBUG and response.status_code >= 400):
            response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response

    return add_policy
