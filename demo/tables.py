"""The tables that the demo prints at the end."""

from collections import Counter
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from demo.summary import Summary
from embedded.commands import print_error
from testbed.checker.figures import ALL_PROJECTS, ProjectFigures, figures_of
from testbed.checker.report import Defect, Kind
from testbed.checker.stores import Stores
from testbed.traffic.effects import Expected

_MAX_DEFECTS_SHOWN = 20


def print_summary(
    *,
    console: Console,
    summary: Summary,
    expected: Expected,
    found: Stores,
    sqs_calls: Mapping[str, int],
) -> None:
    """Print what was expected beside what was found."""
    table = Table(title=f"{summary.events} events", title_justify="left")
    table.add_column("What", no_wrap=True)
    table.add_column("Expected", justify="right")
    table.add_column("Found", justify="right")
    table.add_column("Where")
    for what, wanted, there, where in _rows(summary, expected=expected, found=found):
        indent = "" if what[0].isupper() else "  "
        style = "" if wanted == there else "red"
        table.add_row(f"{indent}{what}", str(wanted), str(there), where, style=style)
    table.add_section()
    for kind in Kind:
        count = getattr(summary, kind.value)
        name = kind.value.replace("_", " ").capitalize()
        table.add_row(name, "0", str(count), "", style="red" if count else "green")
    table.add_section()
    calls = ", ".join(f"{name} {count}" for name, count in sorted(sqs_calls.items()))
    table.add_row("SQS calls per event", "", f"{summary.sqs_calls_per_event:.3f}", calls)
    console.print(table)
    console.print(
        "The calls are those of the worker's main process until it stopped: also those while it "
        "waited for the closing times, and those for the messages of beat and of closings. What "
        "tasks and beat publish is not counted."
    )


def _rows(
    summary: Summary, *, expected: Expected, found: Stores
) -> tuple[tuple[str, int, int, str], ...]:
    conversations = expected.conversations
    closed = [each for each in conversations if each.is_closed]
    messages = sum(len(each.message_ids) for each in conversations)
    archived = sum(len(each.message_ids) for each in closed)
    by_time = sum(each.closes_at is not None for each in closed)
    in_progress = summary.stored - summary.archived_messages
    answers = len(expected.answers)
    return (
        ("Conversations", len(conversations), summary.conversations, "PostgreSQL"),
        ("closed", len(closed), summary.closed, "PostgreSQL"),
        ("closed by time", by_time, summary.closed_by_time, "PostgreSQL"),
        ("Messages", messages, summary.stored, "both"),
        ("archived", archived, summary.archived_messages, "PostgreSQL"),
        ("in progress", messages - archived, in_progress, "DynamoDB"),
        ("Survey answers", answers, summary.surveys, "PostgreSQL"),
        ("in the lake", answers, len(found.lake), "files"),
        ("Quarantined events", len(expected.invalid), summary.quarantined, _reasons(found)),
    )


def _reasons(found: Stores) -> str:
    reasons = Counter(letter.reason for letter in found.dead_letters)
    return "dead-letter queue: " + ", ".join(
        f"{reason} {count}" for reason, count in sorted(reasons.items())
    )


def print_defects(defects: Sequence[Defect]) -> None:
    """Print the first defects to stderr, one on each line."""
    for defect in defects[:_MAX_DEFECTS_SHOWN]:
        print_error(f"{defect.kind}: {defect.what}")
    if len(defects) > _MAX_DEFECTS_SHOWN:
        print_error(f"... and {len(defects) - _MAX_DEFECTS_SHOWN} more")


def figures_table(
    *,
    names: Mapping[str, str],
    expected: Mapping[str, ProjectFigures],
    found: Mapping[str, ProjectFigures],
) -> Table:
    """Return the figures of each project and of all. `names` are by the project's uuid."""
    table = Table(title="Figures", title_justify="left")
    table.add_column("Project", no_wrap=True)
    table.add_column("")
    for name in ("CSAT %", "mean", "NPS", "Response %", "Closed"):
        table.add_column(name, justify="right")
    nothing = figures_of([])
    for project, name in {**names, ALL_PROJECTS: "All, with samples"}.items():
        wanted = _cells(expected.get(project, nothing))
        there = _cells(found.get(project, nothing))
        table.add_row(name, "expected", *wanted)
        table.add_row("", "found", *there, style="" if wanted == there else "red")
    return table


def _cells(figures: ProjectFigures) -> tuple[str, ...]:
    return (
        _rounded(figures.csat),
        _rounded(figures.csat_mean, digits=2),
        _rounded(figures.nps),
        _rounded(figures.response_rate),
        str(figures.closed),
    )


def _rounded(value: float | None, *, digits: int = 1) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
