"""What is lost if PostgreSQL is restored to an earlier time and no other store has it.

None of it can be counted: nothing names it any more but logs, producers and the data lake.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from operations.management.command_line import format_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """A kind of what is lost since the restored time, in a sentence, and what to do about it."""

    name: str
    lost: str
    remedy: str


def losses_since(restored_to: datetime) -> Iterator[Loss]:
    """Yield each kind of what is lost, with the time."""
    since = format_time(restored_to)
    for name, (lost, remedy) in _LOSSES.items():
        yield Loss(name=name, lost=lost.format(since=since), remedy=remedy)


_LOSSES = {
    "closes": (
        "Closes and takeovers that took effect since {since}. Their conversations are open, unless "
        "their contact has opened another one since then; those are closed as unclassified.",
        "They close at the closing time of their projects. Producers may send the closes again.",
    ),
    "windows": (
        "Windows that took effect since {since}: the times, the ticket and the agent of their "
        "conversations.",
        "Producers may send the windows again.",
    ),
    "answers": (
        "Survey answers since {since} without a text, or without a conversation. The data lake has "
        "those that were delivered.",
        "Compare the answers in the data lake since that time with those in the admin site.",
    ),
    "deletions": (
        "Deletions of messages by their authors since {since}. The messages may have their content "
        "again.",
        "Producers must send message.deleted again.",
    ),
    "dead_letters": (
        "Dead letters that were collected or redriven since {since}. Redrives that were requested "
        "before run once more, which changes nothing.",
        "Search the logs for event_quarantined, dead_letters_collected and dead_letter_redriven.",
    ),
    "erasures": (
        "Erasures that were requested or carried out since {since}. PostgreSQL has the data of "
        "these contacts again.",
        "Find the contacts by contact_erased in the logs and in the records of the requests, and "
        "run for each: python manage.py erase",
    ),
    "operators": (
        "What operators did since {since}: changed projects and schedules, requests to close or "
        "reopen conversations, users, and the entries of the audit log.",
        "Tell the operators. The logs have change_requested with the ids of conversations.",
    ),
    "lake": (
        "The record of which answers the data lake has received since {since}. They are sent once "
        "more, with the same event ids.",
        "Nothing, if the lake drops repeated event ids.",
    ),
}
