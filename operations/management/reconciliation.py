"""The action `conversations reconcile`."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError

from apps.conversations import audit
from apps.conversations.adopting import Adoption
from apps.conversations.audit_models import AuditAction
from apps.conversations.models import Conversation
from operations.doctor.after_restore import reconcilable
from operations.management.command_line import add_yes, confirm, count, format_time, past_moment
from operations.management.output import SafeOutput
from operations.restoring.facts import facts_since
from operations.restoring.reconciling import Reconciled, reconcile
from operations.restoring.summary import summary_of

AFTER_OUTAGE = "Run this again to continue: what was done stays done."
EFFECT = (
    "This opens the conversations again, sends the messages with lost effects to the queue again, "
    "and deletes those of erased contacts from DynamoDB."
)


def add_reconciling(parser: ArgumentParser) -> None:
    """Add the arguments of the action."""
    parser.add_argument(
        "--since",
        type=past_moment,
        required=True,
        metavar="TIME",
        help="the time to which PostgreSQL was restored",
    )
    parser.add_argument("--dry-run", action="store_true", help="only print what would be done")
    add_yes(parser)


def reconcile_from_dynamodb(
    output: SafeOutput, *, since: datetime, dry_run: bool, yes: bool, **_options: Any
) -> None:
    """Print what PostgreSQL lacks, and restore it after a confirmation.

    Raise CommandError if a message could not be sent, or if it is not confirmed.
    """
    summary = summary_of(facts_since(since))
    for finding in reconcilable(summary, restored_to=since):
        output.write(finding.found)
    if summary.is_reconciled or dry_run:
        return
    confirm(EFFECT, yes=yes)
    audit.record(
        actor=audit.command_line(),
        action=AuditAction.RECONCILE,
        of=Conversation,
        object_id="",
        since=format_time(since),
    )
    done = reconcile(since)
    _print(output, done)
    if done.refused:
        raise CommandError(
            f"{count(len(done.refused), 'message')} could not be sent. They are still in DynamoDB "
            "and will be archived, but their answers are lost."
        )


def _print(output: SafeOutput, done: Reconciled) -> None:
    opened = done.conversations[Adoption.OPENED]
    elsewhere = done.conversations[Adoption.ELSEWHERE]
    erased = done.erased
    output.write(f"Opened again: {count(opened, 'conversation')}.")
    if done.closed:
        output.write(f"Closed, because another one followed: {count(done.closed, 'conversation')}.")
    if elsewhere:
        output.write(f"Part of other conversations by now: {count(elsewhere, 'conversation')}.")
    output.write(f"To be searched by the next archiving: {count(done.searched, 'conversation')}.")
    if erased:
        output.write(f"Deleted, because the contact is erased: {count(erased, 'conversation')}.")
    output.write(f"Sent to the queue again: {count(done.sent, 'message')}.")
    for refused in done.refused:
        output.write(f"Not sent: {refused.key} of {refused.conversation_uuid}: {refused.why}.")
