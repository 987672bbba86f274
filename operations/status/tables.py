"""The details behind the lines, as tables of texts for the terminal and the page."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from apps.common.durations import as_text
from apps.messages.dead_letter_reasons import sentence_of
from operations.status.lines import Report, State

UNKNOWN = "-"
# The states that rows of workers have.
WORKER_STATES = {
    "running": pgettext_lazy("state of a worker", "running"),
    "paused": pgettext_lazy("state of a worker", "paused"),
    "circuit open": pgettext_lazy("state of a worker", "circuit open"),
}


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table about the line `name`. It has at least one row.

    `reasons` has the codes of the reasons that the rows are about, if they are about reasons.
    """

    name: str
    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    reasons: Sequence[str] = ()


def tables(report: Report) -> list[Table]:
    """Return the tables that have rows."""
    return [table for table in _all(report) if table.rows]


def _all(report: Report) -> Iterator[Table]:
    yield _workers(report.values("workers"))
    yield _held(report.values("held_events"))
    yield _dead_letters(report.values("dead_letters"))
    yield _outbox(report.values("outbox"))
    yield _beat(report.values("beat"))


def _workers(values: Mapping[str, Any]) -> Table:
    return Table(
        name="workers",
        title=_("Workers"),
        head=(
            _("worker"),
            _("state"),
            _("last receive"),
            _("waited"),
            _("holds"),
            _("set aside"),
            _("runs"),
        ),
        rows=[
            (
                row["worker"],
                _worker_state(row),
                _ago(row.get("last_receive_age_seconds")),
                _duration(row.get("receive_lag_seconds")),
                _number(row.get("messages")),
                _number(row.get("set_aside_messages")),
                _number(row.get("running_tasks")),
            )
            for row in values.get("workers", ())
        ],
    )


def _worker_state(row: Mapping[str, Any]) -> str:
    age = row.get("last_heartbeat_age_seconds")
    if age is None:
        return str(WORKER_STATES[row["state"]])
    return _("lost, last seen %(time)s ago") % {"time": _duration(age)}


def _held(values: Mapping[str, Any]) -> Table:
    events = values.get("events", ())
    total = values.get("waiting_for_rerun") or 0
    title = _("Events that wait for a rerun")
    if total > len(events):
        title = _("Events that wait for a rerun: the first %(shown)d of %(total)d") % {
            "shown": len(events),
            "total": total,
        }
    return Table(
        name="held_events",
        title=title,
        head=(
            _("group"),
            _("reason"),
            _("cause"),
            _("held since (UTC)"),
            _("failed runs"),
            _("worker"),
        ),
        rows=[
            (
                event["group"],
                event["reason"],
                event["cause"],
                event["held_since"][:19].replace("T", " "),
                str(event["attempts"]),
                event["worker"],
            )
            for event in events
        ],
    )


def _dead_letters(values: Mapping[str, Any]) -> Table:
    by_reason = values.get("by_reason", {})
    return Table(
        name="dead_letters",
        title=_("Dead letters by reason"),
        head=(_("reason"), _("letters")),
        rows=[(sentence_of(reason), str(number)) for reason, number in by_reason.items()],
        reasons=tuple(by_reason),
    )


def _outbox(values: Mapping[str, Any]) -> Table:
    by_age = values.get("by_age", ()) if values.get("waiting") else ()
    return Table(
        name="outbox",
        title=_("Events for the data lake by age"),
        head=(_("age"), _("events")),
        rows=[(_age_range(row), str(row["events"])) for row in by_age],
    )


def _age_range(row: Mapping[str, Any]) -> str:
    low, high = row["min_age_seconds"], row["max_age_seconds"]
    if high is None:
        return _("over %(time)s") % {"time": _duration(low)}
    if not low:
        return _("up to %(time)s") % {"time": _duration(high)}
    return _("%(min)s to %(max)s") % {"min": _duration(low), "max": _duration(high)}


def _beat(values: Mapping[str, Any]) -> Table:
    return Table(
        name="beat",
        title=_("Beat's schedules"),
        head=(_("task"), _("schedule"), _("state"), _("last run")),
        rows=[
            (
                row["task"].rpartition(".")[2],
                row["name"] or UNKNOWN,
                State(row["state"]).shown,
                _ago(row["last_run_age_seconds"]),
            )
            for row in values.get("schedules", ())
        ],
    )


def _ago(seconds: float | None) -> str:
    return UNKNOWN if seconds is None else _("%(time)s ago") % {"time": _duration(seconds)}


def _duration(seconds: float | None) -> str:
    return UNKNOWN if seconds is None else as_text(timedelta(seconds=seconds), max_units=2)


def _number(number: int | None) -> str:
    return UNKNOWN if number is None else str(number)
