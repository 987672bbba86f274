"""For templates that are not the console's own."""

from django import template
from django.contrib.auth.models import AnonymousUser, User

from apps.common.console_access import is_open_to

register = template.Library()


@register.filter
def may_see_console(user: User | AnonymousUser) -> bool:
    """Whether to show a link to the console."""
    return is_open_to(user)
