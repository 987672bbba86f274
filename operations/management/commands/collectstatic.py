"""`manage.py collectstatic`"""

from typing import Any

from django.conf import settings
from django.contrib.staticfiles.management.commands import collectstatic
from django.core.management.base import CommandError


class Command(collectstatic.Command):
    """Django's command, which names the variable to set if there is no folder to fill."""

    def handle(self, **options: Any) -> str | None:
        """Run the command. Raise CommandError without DJANGO_STATIC_ROOT."""
        if not settings.STATIC_ROOT:
            raise CommandError("Set DJANGO_STATIC_ROOT to the folder that this command is to fill.")
        return super().handle(**options)
