"""Template tags for the status on the first page of the admin site."""

from typing import Any

from django import template

from operations.status.page import refresh_after, status_context

register = template.Library()


@register.simple_tag(takes_context=True)
def current_status(context: dict[str, Any]) -> dict[str, Any]:
    """Read the status, and return what the template "status/report.html" needs."""
    return status_context(context["request"])


@register.simple_tag(takes_context=True)
def status_refresh(context: dict[str, Any]) -> int | None:
    """Return after how many seconds the page refreshes itself, or None."""
    return refresh_after(context["request"])
