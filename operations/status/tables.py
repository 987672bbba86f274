"""The details behind the lines, as tables of texts for the terminal and the page."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from apps.common.durations import as_text
from operations.status.lines import Report

UNKNOWN = "-"


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table about the line `name`. It has at least one row."""

    name: str
    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


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
        title="Workers",
        head=("worker", "state", "last receive", "waited", "holds", "set aside", "runs"),
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
    return row["state"] if age is None else f"lost, last seen {_ago(age)}"


def _held(values: Mapping[str, Any]) -> Table:
    events = values.get("events", ())
    total = values.get("waiting_for_rerun") or 0
    first = f": the first {len(events)} of {total}" if total > len(events) else ""
    return Table(
        name="held_events",
        title=f"Events that wait for a rerun{first}",
        head=("group", "reason", "cause", "held since (UTC)", "failed runs", "worker"),
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
    return Table(
        name="dead_letters",
        title="Dead letters by reason",
        head=("reason", "letters"),
        rows=[(reason, str(number)) for reason, number in values.get("by_reason", {}).items()],
    )


def _outbox(values: Mapping[str, Any]) -> Table:
    by_age = values.get("by_age", ()) if values.get("waiting") else ()
    return Table(
        name="outbox",
        title="Events for the data lake by age",
        head=("age", "events"),
        rows=[(_age_range(row), str(row["events"])) for row in by_age],
    )


def _age_range(row: Mapping[str, Any]) -> str:
    low, high = row["min_age_seconds"], row["max_age_seconds"]
    if high is None:
        return f"over {_duration(low)}"
    return f"{_duration(low)} to {_duration(high)}" if low else f"up to {_duration(high)}"


def _beat(values: Mapping[str, Any]) -> Table:
    return Table(
        name="beat",
        title="Beat's schedules",
        head=("task", "state", "last run"),
        rows=[
            (
                row["task"].rpartition(".")[2],
                row["state"],
                _ago(row["last_run_age_seconds"]),
            )
            for row in values.get("schedules", ())
        ],
    )


def _ago(seconds: float | None) -> str:
    return UNKNOWN if seconds is None else f"{_duration(seconds)} ago"


def _duration(seconds: float | None) -> str:
    return UNKNOWN if seconds is None else as_text(timedelta(seconds=seconds), max_units=2)


def _number(number: int | None) -> str:
    return UNKNOWN if number is None else str(number)
