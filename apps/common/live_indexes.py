"""Indexes that are made while the service works: for migrations with `atomic = False`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently


class AddIndexOnLiveTable(AddIndexConcurrently):
    """CREATE INDEX CONCURRENTLY, which keeps nobody from writing, and can be cut off.

    It takes as long as it needs: the service's own bounds for statements and locks are lifted for
    it, because it waits for every transaction that is open. Cut off, PostgreSQL leaves an index
    that is invalid ("Building Indexes Concurrently"): it is dropped, and made again, by the next
    run; one that is there and valid is left.
    """

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Make it, unless it is there."""
        is_valid = _is_valid(schema_editor, self.index.name)
        if is_valid:
            return
        with _unbounded(schema_editor):
            if is_valid is False:
                name = schema_editor.quote_name(self.index.name)
                schema_editor.execute(f"DROP INDEX CONCURRENTLY {name}")
            super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Drop it, as patiently."""
        with _unbounded(schema_editor):
            super().database_backwards(app_label, schema_editor, from_state, to_state)


def _is_valid(schema_editor: Any, name: str) -> bool | None:
    """Whether the index is fit for use; None if there is none."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)",
            [schema_editor.quote_name(name)],
        )
        row = cursor.fetchone()
    return bool(row[0]) if row else None


@contextmanager
def _unbounded(schema_editor: Any) -> Iterator[None]:
    bounds = ("statement_timeout", "lock_timeout")
    for name in bounds:
        schema_editor.execute(f"SET {name} = 0")
    try:
        yield
    finally:
        for name in bounds:
            schema_editor.execute(f"RESET {name}")
