"""Compares DynamoDB with a PostgreSQL that was restored to an earlier time.

The runbook's chapter "Restore PostgreSQL to an earlier time" says when to run this.
"""

from collections.abc import Iterator
from datetime import datetime

from apps.common.clock import now
from apps.common.errors import Unavailable
from apps.messages.message_table import TIME_TO_LIVE
from operations.doctor.findings import Finding, Status, error, ok, warning
from operations.management.command_line import format_time
from operations.restoring.facts import Erased, Nameless, Unarchived, Unknown, facts_since
from operations.restoring.losses import losses_since
from operations.restoring.summary import MAX_LISTED, Summary, summary_of

CONVERSATIONS, EVENTS, ARCHIVES = "restore.conversations", "restore.events", "restore.archives"
ERASED, NAMELESS, UNREADABLE = "restore.erased", "restore.nameless", "restore.unreadable"
EXPIRED = "restore.expired"


def check(restored_to: datetime) -> Iterator[Finding]:
    """Yield findings about what PostgreSQL lacks, and what nothing has any more."""
    try:
        summary = summary_of(facts_since(restored_to))
    except Unavailable as failure:
        yield error("restore", f"DynamoDB could not be read: {failure}.", "Run this again later.")
        return
    yield from reconcilable(summary, restored_to=restored_to)
    yield from _nameless(summary)
    yield from _unreadable(summary)
    if restored_to < now() - TIME_TO_LIVE:
        yield warning(
            EXPIRED,
            f"DynamoDB deletes messages after {TIME_TO_LIVE.days} days, so those from before "
            f"{format_time(now() - TIME_TO_LIVE)} may be lost.",
            "Ask the producers for the messages since the time of the restore.",
        )
    for loss in losses_since(restored_to):
        yield Finding(
            check=f"restore.{loss.name}", status=Status.WARNING, found=loss.lost, remedy=loss.remedy
        )


def reconcilable(summary: Summary, *, restored_to: datetime) -> Iterator[Finding]:
    """Yield findings about what `conversations reconcile` restores."""
    remedy = f"Run: python manage.py conversations reconcile --since {format_time(restored_to)}"
    unknown = summary.conversations[Unknown]
    yield _judged(
        CONVERSATIONS,
        unknown,
        "All conversations in DynamoDB that name their contact are in PostgreSQL.",
        f"{_number_of(unknown, 'conversation is', 'conversations are')} not in PostgreSQL, with "
        f"{_number_of(summary.messages[Unknown], 'message', 'messages')} in DynamoDB.",
        remedy,
    )
    yield _judged(
        EVENTS,
        summary.lost,
        "PostgreSQL has the effects of all messages of its conversations.",
        f"{_number_of(summary.lost, 'message has', 'messages have')} lost an effect in PostgreSQL; "
        f"{_number_of(summary.answers, 'is a survey answer', 'are survey answers')}.",
        f"{remedy}. Then start the workers.",
    )
    closed = summary.conversations[Unarchived]
    yield _judged(
        ARCHIVES,
        closed,
        "The archives of closed conversations have all their messages.",
        f"{_number_of(closed, 'closed conversation lacks', 'closed conversations lack')} "
        f"{_number_of(summary.messages[Unarchived], 'message', 'messages')} in the archive.",
        f"{remedy}. Then start the workers and beat.",
    )
    erased = summary.conversations[Erased]
    yield _judged(
        ERASED,
        erased,
        "DynamoDB has no messages of erased contacts.",
        f"{_number_of(erased, 'conversation', 'conversations')} of erased contacts still in "
        "DynamoDB.",
        remedy,
    )


def _number_of(number: int, singular: str, plural: str) -> str:
    """Return a number with its noun. Only the command line shows these findings, in English."""
    return f"{number:,} {singular if number == 1 else plural}"


def _judged(check: str, number: int, good: str, bad: str, remedy: str) -> Finding:
    return error(check, bad, remedy) if number else ok(check, good)


def _nameless(summary: Summary) -> Iterator[Finding]:
    number = summary.conversations[Nameless]
    if not number:
        yield ok(NAMELESS, "No conversation in DynamoDB is without a contact.")
    for one in summary.nameless:
        yield warning(
            NAMELESS,
            f"{one.conversation_uuid} is not in PostgreSQL, and nothing names its contact: "
            f"{_number_of(one.messages, 'message', 'messages')}, queued from "
            f"{format_time(one.first_at)} to {format_time(one.last_at)}.",
            f"Read it before it expires: python manage.py conversations show --raw "
            f"{one.conversation_uuid}",
        )
    if number > MAX_LISTED:
        yield warning(
            NAMELESS,
            f"{_number_of(number - MAX_LISTED, 'more conversation', 'more conversations')} of "
            "unknown contacts.",
            "Export the table: aws dynamodb export-table-to-point-in-time",
        )


def _unreadable(summary: Summary) -> Iterator[Finding]:
    for one in summary.unreadable:
        yield error(
            UNREADABLE,
            f"Item {one.key} of conversation {one.conversation_uuid} cannot be read.",
            'See the runbook, "Reading an item".',
        )
