"""Fills the tables of a stage."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import connection
from psycopg2 import extensions

from apps.common.database_waits import lift_limits


@contextmanager
def unlimited_cursor() -> Iterator[Any]:
    """A cursor for statements that take longer than those of the service may."""
    limits = extensions.get_wait_callback()
    lift_limits()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
            yield cursor
            cursor.execute("RESET statement_timeout")
    finally:
        extensions.set_wait_callback(limits)


def fill(*statements: str, parameters: Mapping[str, Any]) -> None:
    """Run statements that insert rows, then VACUUM ANALYZE, as autovacuum would do later.

    `random()` returns the same numbers each time.
    """
    with unlimited_cursor() as cursor:
        cursor.execute("SELECT setseed(0.5)")
        for statement in statements:
            cursor.execute(statement, parameters)
        cursor.execute("VACUUM ANALYZE")
