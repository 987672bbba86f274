"""Template filters for pages outside the console."""

from django import template
from django.contrib.auth.models import AnonymousUser, User

from apps.common.console_access import is_open_to

register = template.Library()


@register.filter
def may_see_console(user: User | AnonymousUser) -> bool:
    """Return whether this user may see the console."""
    return is_open_to(user)
