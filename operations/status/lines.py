"""The lines of the status."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from django.utils.translation import npgettext_lazy, pgettext_lazy

from operations.doctor.findings import Finding, Status

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

DOCTOR = "python manage.py doctor"


class State(StrEnum):
    """The state of a line. UNKNOWN: it could not be read, and the sentence says why."""

    GOOD = "good"
    UNKNOWN = "unknown"
    WARNING = "warning"
    BAD = "bad"

    @property
    def shown(self) -> str:
        """Return the state in the language of the page."""
        return str(_STATES[self])

    def counted(self, number: int) -> str:
        """Return a number of lines with this state, in the language of the page."""
        return _COUNTS[self] % {"count": number}


_STATES = {
    State.GOOD: pgettext_lazy("state", "good"),
    State.UNKNOWN: pgettext_lazy("state", "unknown"),
    State.WARNING: pgettext_lazy("state", "warning"),
    State.BAD: pgettext_lazy("state", "bad"),
}
_COUNTS = {
    State.GOOD: npgettext_lazy("number of lines", "%(count)d good", "%(count)d good", "count"),
    State.UNKNOWN: npgettext_lazy(
        "number of lines", "%(count)d unknown", "%(count)d unknown", "count"
    ),
    State.WARNING: npgettext_lazy(
        "number of lines", "%(count)d warning", "%(count)d warnings", "count"
    ),
    State.BAD: npgettext_lazy("number of lines", "%(count)d bad", "%(count)d bad", "count"),
}

STATE_OF = {
    Status.OK: State.GOOD,
    Status.SKIPPED: State.UNKNOWN,
    Status.WARNING: State.WARNING,
    Status.ERROR: State.BAD,
}
# From the best to the worst.
ORDER = list(State)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the status.

    `name` is its stable name, and `title` the name for people. `command` is what mends it or shows
    more; it is empty for a good line. `values` has the numbers, for programs; their names contain
    the units. What could not be read is None or left out.
    """

    name: str
    title: str
    state: State
    sentence: str
    command: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Report:
    """All lines, when they were read, and how many seconds that took."""

    read_at: datetime
    seconds: float
    lines: Sequence[Line]

    @property
    def state(self) -> State:
        """Return the worst state of a line."""
        return worst(line.state for line in self.lines)

    def count(self, state: State) -> int:
        """Return how many lines have a state."""
        return sum(line.state is state for line in self.lines)

    def values(self, name: str) -> Mapping[str, Any]:
        """Return the values of a line."""
        return next(line.values for line in self.lines if line.name == name)


def worst(states: Any) -> State:
    """Return the worst of some states, or GOOD if there is none."""
    return max(states, key=ORDER.index, default=State.GOOD)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a line is about: its name, its title, and the command that mends it or shows more."""

    name: str
    title: "StrOrPromise"
    command: str = DOCTOR

    def line(
        self,
        findings: Sequence[Finding],
        *,
        good: str = "",
        command: str = "",
        values: Mapping[str, Any] | None = None,
    ) -> Line:
        """Return a line with the worst of these findings, and their sentences.

        `good` is the sentence if nothing is wrong; by default, it is that of the findings.
        `command` replaces the command of this subject.
        """
        state = worst(STATE_OF[finding.status] for finding in findings)
        found = " ".join(one.found for one in findings if STATE_OF[one.status] is state)
        is_good = state is State.GOOD
        return Line(
            name=self.name,
            title=str(self.title),
            state=state,
            sentence=(good or found) if is_good else found,
            command="" if is_good else command or self.command,
            values=values or {},
        )

    def unknown(self, sentence: "StrOrPromise", *, values: Mapping[str, Any] | None = None) -> Line:
        """Return a line that could not be read."""
        return Line(
            name=self.name,
            title=str(self.title),
            state=State.UNKNOWN,
            sentence=str(sentence),
            command=DOCTOR,
            values=values or {},
        )
