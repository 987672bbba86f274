"""What the demo says in the end: a table for people, one JSON object for programs."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from demo.events import IN_PROGRESS
from demo.expectations import Expectations
from demo.figures import ALL_PROJECTS
from demo.findings import Findings
from demo.problems import Kind, Problem

_MOST_PROBLEMS_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The figures of a run, as they are found in the stores.

    `stored` are chat messages in archives and in DynamoDB, an edited one counted once.
    `closed_by_time` are those of `closed` that ended at the closing time of their project.
    `sqs_calls_per_event` counts the calls of the worker's main process: receives, deletes, leases
    and copies to the dead-letter queue, but not what its pool processes and beat publish. It
    counts them until the worker stops: the receives while it waits for the closing times, and the
    deletes of what beat and closing publish, are in it. `csat` is the share of 4 and 5 in percent,
    `nps` the Net Promoter Score, of all projects; both are None where nobody has answered.
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
    personal_data_in_logs: int
    sqs_calls_per_event: float
    csat: float | None
    nps: float | None

    @property
    def is_clean(self) -> bool:
        """Whether every event had its effect, once and in its place, and logs tell of nobody."""
        problems = (self.lost, self.duplicated, self.out_of_order, self.personal_data_in_logs)
        return not any(problems)

    def as_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))


def summarize(
    *, events: int, found: Findings, problems: Sequence[Problem], sqs_calls: Mapping[str, int]
) -> Summary:
    """The figures of a run in which `events` events were sent."""
    kinds = Counter(problem.kind for problem in problems)
    archived = sum(len(each.archive) for each in found.conversations)
    figures = found.figures.get(ALL_PROJECTS)
    return Summary(
        events=events,
        stored=archived + sum(len(each.in_progress) for each in found.conversations),
        surveys=len(found.answers),
        quarantined=len(found.dead_letters),
        conversations=len(found.conversations),
        closed=sum(each.resolution != IN_PROGRESS for each in found.conversations),
        closed_by_time=sum(each.is_closed_by_time for each in found.conversations),
        archived_messages=archived,
        lost=kinds[Kind.LOST],
        duplicated=kinds[Kind.DUPLICATED],
        out_of_order=kinds[Kind.OUT_OF_ORDER],
        personal_data_in_logs=kinds[Kind.LOGGED],
        sqs_calls_per_event=round(sum(sqs_calls.values()) / events, 3),
        csat=_to_one_digit(figures.csat if figures else None),
        nps=_to_one_digit(figures.nps if figures else None),
    )


def print_table(
    *,
    console: Console,
    summary: Summary,
    expected: Expectations,
    found: Findings,
    sqs_calls: Mapping[str, int],
) -> None:
    """What was published beside what was found."""
    conversations = expected.conversations.values()
    closed = [each for each in conversations if each.is_closed]
    table = Table(title=f"{summary.events} events", title_justify="left")
    table.add_column("What", no_wrap=True)
    table.add_column("Expected", justify="right")
    table.add_column("Found", justify="right")
    table.add_column("Where")
    rows = (
        ("Conversations", len(conversations), summary.conversations, "PostgreSQL"),
        ("closed", len(closed), summary.closed, "PostgreSQL"),
        (
            "closed by time",
            sum(each.closes_at is not None for each in closed),
            summary.closed_by_time,
            "PostgreSQL",
        ),
        ("Messages", sum(len(c.messages) for c in conversations), summary.stored, "both"),
        (
            "archived",
            sum(len(each.messages) for each in closed),
            summary.archived_messages,
            "PostgreSQL",
        ),
        (
            "in progress",
            sum(len(each.messages) for each in conversations if not each.is_closed),
            summary.stored - summary.archived_messages,
            "DynamoDB",
        ),
        ("Survey answers", len(expected.answers), summary.surveys, "PostgreSQL"),
        ("in the lake", len(expected.answers), len(found.lake), "files"),
        (
            "Quarantined events",
            len(expected.quarantined),
            summary.quarantined,
            _reasons(found),
        ),
    )
    for what, wanted, there, where in rows:
        indent = "" if what[0].isupper() else "  "
        style = "" if wanted == there else "red"
        table.add_row(f"{indent}{what}", str(wanted), str(there), where, style=style)
    table.add_section()
    for kind, count in (
        ("Lost", summary.lost),
        ("Duplicated", summary.duplicated),
        ("Out of order", summary.out_of_order),
        ("Personal data in logs", summary.personal_data_in_logs),
    ):
        table.add_row(kind, "0", str(count), "", style="red" if count else "green")
    table.add_section()
    calls = ", ".join(f"{name} {count}" for name, count in sorted(sqs_calls.items()))
    table.add_row("SQS calls per event", "", f"{summary.sqs_calls_per_event:.3f}", calls)
    console.print(table)
    console.print(
        "The calls are those of the worker's main process until it stopped. Those while it waited "
        "for the closing times, and for the messages of beat and of closing, are in them; what "
        "tasks and beat publish is not."
    )


def print_problems(*, console: Console, problems: Sequence[Problem]) -> None:
    """The first problems, one in a line."""
    for problem in problems[:_MOST_PROBLEMS_SHOWN]:
        console.print(f"{problem.kind}: {problem.what}", markup=False, soft_wrap=True)
    if len(problems) > _MOST_PROBLEMS_SHOWN:
        console.print(f"... and {len(problems) - _MOST_PROBLEMS_SHOWN} more")


def _to_one_digit(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _reasons(found: Findings) -> str:
    reasons = Counter(letter.told.get("reason", "?") for letter in found.dead_letters)
    return "dead-letter queue: " + ", ".join(
        f"{reason} {count}" for reason, count in sorted(reasons.items())
    )


def sqs_calls(worker_log: str) -> dict[str, int]:
    """The calls to SQS by action, from the worker's last word in its log of JSON lines.

    Raises ValueError if the worker did not stop warmly, and so did not say.
    """
    for line in reversed(worker_log.splitlines()):
        if '"stopped consuming"' in line:
            calls: dict[str, int] = json.loads(line)["sqs_calls"]
            return calls
    raise ValueError("The worker's log does not say how many calls to SQS it made.")
