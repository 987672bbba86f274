"""Creation of indexes while the service is running, for migrations with `atomic = False`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently


class AddIndexWithoutBlocking(AddIndexConcurrently):
    """Create an index with CREATE INDEX CONCURRENTLY, which does not block writes.

    PostgreSQL waits for every open transaction, so the role's statement_timeout and lock_timeout
    are switched off meanwhile. If the command is interrupted, PostgreSQL leaves an invalid index
    ("Building Indexes Concurrently"): the next run drops it and creates it again. A valid index is
    kept.
    """

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Create the index, unless a valid one exists."""
        is_valid = _is_valid(schema_editor, self.index.name)
        if is_valid:
            return
        with _without_timeouts(schema_editor):
            if is_valid is False:
                name = schema_editor.quote_name(self.index.name)
                schema_editor.execute(f"DROP INDEX CONCURRENTLY {name}")
            super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Drop the index, also without timeouts."""
        with _without_timeouts(schema_editor):
            super().database_backwards(app_label, schema_editor, from_state, to_state)


def _is_valid(schema_editor: Any, name: str) -> bool | None:
    """Return whether the index is valid, or None if it does not exist."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)",
            [schema_editor.quote_name(name)],
        )
        row = cursor.fetchone()
    return bool(row[0]) if row else None


@contextmanager
def _without_timeouts(schema_editor: Any) -> Iterator[None]:
    settings = ("statement_timeout", "lock_timeout")
    for name in settings:
        schema_editor.execute(f"SET {name} = 0")
    try:
        yield
    finally:
        for name in settings:
            schema_editor.execute(f"RESET {name}")
