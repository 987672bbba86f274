"""The units of the console's figures: how a value and a difference are written."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy

from apps.analytics.figures import texts

Text = str | Promise


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """How values of a unit are written.

    `name` is the unit of a value in a file, and `of_change` that of a difference. A count is itself
    the number of what it counts; other figures are computed from several answers or conversations.
    """

    name: Text
    text: Callable[[Any], str]
    change: Callable[[Any], str]
    of_change: Text
    is_count: bool = False


def _points(change: float) -> str:
    return gettext("%(number)s points") % {"number": texts.signed(change)}


COUNT = Unit(name="", text=texts.whole, change=texts.signed_whole, of_change="", is_count=True)
PERCENT = Unit(
    name="%", text=texts.percent, change=_points, of_change=gettext_lazy("percentage points")
)
POINTS = Unit(
    name=gettext_lazy("points"), text=texts.signed, change=_points, of_change=gettext_lazy("points")
)
MESSAGES = Unit(
    name=gettext_lazy("messages"),
    text=texts.number,
    change=texts.signed,
    of_change=gettext_lazy("messages"),
)
DURATION = Unit(
    name=gettext_lazy("seconds"),
    text=texts.duration,
    change=texts.signed_duration,
    of_change=gettext_lazy("seconds"),
)

Value = int | float | timedelta | None
