"""A faster version of Django's `flush`.

pytest-django runs `flush` to empty the database after a test that uses transactions, which half of
the integration tests do.
"""

from typing import Any

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management.commands import flush
from django.db import connections

# The rows of these tables depend only on the installed apps. Django's own command empties them, and
# the post_migrate signal fills them again, which takes most of the time.
KEPT = {ContentType._meta.db_table, Permission._meta.db_table}


class QuickFlush(flush.Command):
    """Empties the tables that have rows, except for `KEPT`. Sequences are not reset."""

    def handle(self, **options: Any) -> None:
        """Flush without asking for confirmation. All options except for `database` are ignored."""
        connection = connections[options["database"]]
        models = connection.introspection.django_table_names(include_views=False)
        names = {name: connection.ops.quote_name(name) for name in set(models) - KEPT}
        with connection.cursor() as cursor:
            cursor.execute(
                " UNION ALL ".join(
                    f"SELECT '{name}' WHERE EXISTS (SELECT FROM {quoted})"  # noqa: S608 (of models)
                    for name, quoted in names.items()
                )
            )
            filled = [names[name] for (name,) in cursor.fetchall()]
            if filled:
                cursor.execute(f"TRUNCATE {', '.join(filled)} CASCADE")
