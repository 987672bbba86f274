"""`manage.py migrate`"""

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import OperationalError


class Command(migrate.Command):
    """Django's command, which ends with a sentence if it cannot connect to PostgreSQL."""

    def execute(self, *arguments: Any, **options: Any) -> str | None:
        """Run the command. Raise CommandError if PostgreSQL cannot be reached."""
        try:
            return super().execute(*arguments, **options)
        except OperationalError as error:
            # psycopg2: an error without an SQLSTATE is a refused or lost connection.
            if getattr(error.__cause__, "pgcode", None) is not None:
                raise
            raise CommandError(
                f"PostgreSQL cannot be reached: {str(error).splitlines()[0]}. Run it again when "
                "PostgreSQL answers at DATABASE_URL; migrations that were applied stay."
            ) from error
