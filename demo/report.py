"""The demo's result: tables for people, and one JSON object for programs."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from embedded.commands import CommandError, print_error
from testbed.checker.figures import ALL_PROJECTS, ProjectFigures, figures_of
from testbed.checker.report import Defect, Kind, count_kinds
from testbed.checker.stores import Stores
from testbed.traffic.effects import Expected
from testbed.traffic.events import IN_PROGRESS
from testbed.traffic.redriving import REASON

_MAX_DEFECTS_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The figures of a run, from the stores.

    `stored` counts the chat messages in archives and in DynamoDB; an edited message counts once.
    `quarantined` counts the dead letters that were not redriven. `closed_by_time` counts those of
    `closed` that ended at the closing time of their project.
    `sqs_calls_per_event` counts the calls of the worker's main process until it stopped: receives,
    deletes, lease extensions and copies to the dead-letter queue. It includes the receives during
    the wait for the closing times, and the deletes of messages that beat and closings publish. It
    does not include the calls of pool processes and beat, which publish messages. `csat` is the
    share of the scores 4 and 5 in percent, and `nps` the Net Promoter Score, of all projects; both
    are None without answers.
    """

    events: int
    stored: int
    surveys: int
    quarantined: int
    conversations: int
    closed: int
    closed_by_time: int
    archived_messages: int
    lost: int
    duplicated: int
    out_of_order: int
    misattributed: int
    stuck: int
    wrongly_quarantined: int
    personal_data_in_logs: int
    sqs_calls_per_event: float
    csat: float | None
    nps: float | None

    @property
    def is_clean(self) -> bool:
        """Whether there is no defect."""
        return not any(getattr(self, kind.value) for kind in Kind)

    def as_json(self) -> str:
        """Return the summary as one line of JSON."""
        return json.dumps(asdict(self))


def summarize(
    *,
    events: int,
    found: Stores,
    figures: Mapping[str, ProjectFigures],
    defects: Sequence[Defect],
    sqs_calls: Mapping[str, int],
) -> Summary:
    """Return the summary of a run in which `events` events were sent."""
    archived = sum(len(each.archive) for each in found.conversations)
    of_all = figures.get(ALL_PROJECTS)
    return Summary(
        events=events,
        stored=archived + sum(len(each.stored) for each in found.conversations),
        surveys=len(found.answers),
        quarantined=sum(not letter.is_redriven for letter in found.dead_letters),
        conversations=len(found.conversations),
        closed=sum(each.resolution != IN_PROGRESS for each in found.conversations),
        closed_by_time=sum(each.is_closed_by_time for each in found.conversations),
        archived_messages=archived,
        **count_kinds(defects),
        sqs_calls_per_event=round(sum(sqs_calls.values()) / events, 3),
        csat=_to_one_digit(of_all.csat if of_all else None),
        nps=_to_one_digit(of_all.nps if of_all else None),
    )


def sqs_calls(worker_log: str) -> dict[str, int]:
    """Return the calls to SQS by action, from the last `consumer_stopped` line of the log.

    Raises CommandError if the worker has not logged it, as after a cold shutdown.
    """
    for line in reversed(worker_log.splitlines()):
        if '"consumer_stopped"' in line:
            calls: dict[str, int] = json.loads(line)["sqs_calls"]
            return calls
    raise CommandError("The worker's log does not have the number of its calls to SQS.")


def _to_one_digit(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


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
        "The SQS calls are those of the worker's main process until it stopped. They include the "
        "calls while it waited for the closing times, and the calls for messages of beat and of "
        "closings. Calls that publish messages of tasks and beat are not counted."
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
    redriven = sum(
        each.event.is_redriven for one in expected.contacts.values() for each in one.events
    )
    for_lake = sum(not one.answer.unscorable for one in expected.answers)
    return (
        ("Conversations", len(conversations), summary.conversations, "PostgreSQL"),
        ("closed", len(closed), summary.closed, "PostgreSQL"),
        ("closed by time", by_time, summary.closed_by_time, "PostgreSQL"),
        ("Messages", messages, summary.stored, "both"),
        ("archived", archived, summary.archived_messages, "PostgreSQL"),
        ("in progress", messages - archived, in_progress, "DynamoDB"),
        ("Survey answers", answers, summary.surveys, "PostgreSQL"),
        ("in the lake", for_lake, len(found.lake), "files"),
        ("Redriven events", redriven, _redriven(found), "PostgreSQL"),
        ("Quarantined events", len(expected.invalid), summary.quarantined, _reasons(found)),
    )


def _redriven(found: Stores) -> int:
    """Return the number of redriven letters, without those of invalid events."""
    return sum(letter.is_redriven and letter.reason == REASON for letter in found.dead_letters)


def _reasons(found: Stores) -> str:
    reasons = Counter(letter.reason for letter in found.dead_letters if not letter.is_redriven)
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
    for name in ("CSAT %", "mean", "NPS", "Survey response %", "Closed"):
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
        _rounded(figures.survey_response),
        str(figures.closed),
    )


def _rounded(value: float | None, *, digits: int = 1) -> str:
    return "-" if value is None else f"{value:z.{digits}f}"
