"""Rows that have a retention: counting those beyond it, and deleting them a page at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Model, QuerySet

PAGE = 200


def lock_rows(rows: QuerySet[Any]) -> list[Any]:
    """Lock rows without waiting. Return the primary keys of those that are locked."""
    locked = rows.select_for_update(skip_locked=True, of=("self",))
    return list(locked.values_list("pk", flat=True))


def ignore(_keys: Sequence[Any]) -> None:
    """Do nothing: the default for `before_deleting`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """Rows of a model, and how long they are kept: for ever if `retention` is None.

    `expired` returns the rows of `model` that are older than a time. `age` is the field that orders
    them, which has an index. `lock` locks rows without waiting. `before_deleting` is called with
    the rows that are about to be deleted, in the same transaction.
    """

    singular: str
    plural: str
    model: type[Model]
    retention: timedelta | None
    age: str
    expired: Callable[[datetime], QuerySet[Any]]
    lock: Callable[[QuerySet[Any]], list[Any]] = lock_rows
    before_deleting: Callable[[Sequence[Any]], None] = ignore

    def count(self, *, now: datetime) -> int:
        """Return how many rows are beyond their retention."""
        return 0 if self.retention is None else self.expired(now - self.retention).count()

    @transaction.atomic
    def delete_page(self, *, now: datetime) -> list[Any]:
        """Delete up to 200 of these rows, oldest first, and return their primary keys.

        Rows that are locked at this moment are left to a later run.
        """
        if self.retention is None:
            return []
        expired = self.expired(now - self.retention)
        page = list(expired.order_by(self.age).values_list("pk", flat=True)[:PAGE])
        locked = self.lock(expired.filter(pk__in=page))
        self.before_deleting(locked)
        expired.filter(pk__in=locked).delete()
        return locked
