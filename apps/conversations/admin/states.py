"""Filters of the admin's lists by a state."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.common.clock import now
from apps.conversations.closing_times import OVERDUE
from apps.conversations.models import Resolution


class State(NamedTuple):
    """A choice of a filter: its value in the address, its text, and which rows have the state."""

    value: str
    label: str
    condition: Q


class StateFilter(ABC, admin.SimpleListFilter):
    """A filter by one of a few states."""

    title = _("state")
    parameter_name = "state"

    @abstractmethod
    def states(self) -> Sequence[State]:
        """Return the states, in the order of the choices."""

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, str]]:
        """Return the choices."""
        return [(state.value, state.label) for state in self.states()]

    def queryset(self, _request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows in the chosen state; none if there is no such state."""
        value = self.value()
        if value is None:
            return rows
        conditions = {state.value: state.condition for state in self.states()}
        return rows.filter(conditions[value]) if value in conditions else rows.none()


class ConversationStateFilter(StateFilter):
    """A filter by the state of a conversation. An index serves each state in the list's order."""

    def states(self) -> Sequence[State]:
        """Return the states, among them each resolution."""
        closed = ~Q(resolution=Resolution.IN_PROGRESS)
        return [
            _of_resolution(Resolution.IN_PROGRESS, gettext("In progress")),
            State("closed", gettext("Closed"), closed),
            *(
                _of_resolution(
                    one, gettext("Closed: %(resolution)s") % {"resolution": one.label.lower()}
                )
                for one in Resolution
                if one is not Resolution.IN_PROGRESS
            ),
            State("unarchived", gettext("Closed, not yet archived"), closed & Q(archived_at=None)),
            State("wanted", gettext("Requested, not yet done"), ~Q(requested_resolution=None)),
            State("overdue", gettext("Overdue for closing"), Q(due_at__lt=now() - OVERDUE)),
        ]


def _of_resolution(resolution: Resolution, label: str) -> State:
    return State(str(resolution.value), label, Q(resolution=resolution))
