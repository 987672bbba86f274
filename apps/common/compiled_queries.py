"""Queries that Django compiles once for each process, for the statements of every event.

Django compiles a query to SQL each time it runs. For a query that finds one row, this takes several
times the CPU of everything else together (ADR 37).
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any, Generic, TypeVar

from django.db import connection
from django.db.models import Expression, Model, QuerySet

M = TypeVar("M", bound=Model)


class Parameter(Expression):
    """A value in a query that is passed each time the query runs."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def as_sql(self, *_: Any, **__: Any) -> Any:
        """Return a placeholder, with this parameter instead of its value."""
        return "%s", [self]


class CompiledQuery(Generic[M]):
    """A query with parameters.

    `query` returns it. It is called at the first use, because models must be loaded by then. The
    values of the parameters must have types that the database driver knows.
    """

    def __init__(self, query: Callable[[], QuerySet[M, Any]]) -> None:
        self._query = query

    def all(self, **values: Any) -> list[M]:
        """Return the objects, without those of `select_related`."""
        queryset, sql, _ = self._compiled
        return list(queryset.raw(sql, self._parameters(values)))

    def first(self, **values: Any) -> M | None:
        """Return the first object, or None."""
        return next(iter(self.all(**values)), None)

    def rows(self, **values: Any) -> list[tuple[Any, ...]]:
        """Return the rows as the driver returns them, for a query of `values_list`."""
        _, sql, _ = self._compiled
        with connection.cursor() as cursor:
            cursor.execute(sql, self._parameters(values))
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows

    @cached_property
    def _compiled(self) -> tuple[QuerySet[M, Any], str, tuple[Any, ...]]:
        queryset = self._query()
        sql, parameters = queryset.query.sql_with_params()
        return queryset, sql, parameters

    def _parameters(self, values: dict[str, Any]) -> list[Any]:
        _, _, parameters = self._compiled
        return [values[one.name] if isinstance(one, Parameter) else one for one in parameters]
