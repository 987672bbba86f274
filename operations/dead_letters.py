"""The actions of operators on dead letters. Each adds entries to the audit log."""

import logging
from collections.abc import Callable, Sequence

from django.db import transaction
from django.db.models import QuerySet

from apps.conversations import audit
from apps.conversations.models import AuditAction
from apps.messages import dead_letters
from apps.messages.dead_letter_format import body_of
from apps.messages.dead_letters import PlannedRedrive
from apps.messages.models import DeadLetter
from tasks.deadletters.redrive import Redrive
from tasks.deadletters.redrive import redrive as send_again

logger = logging.getLogger(__name__)

PAGE_SIZE = 50


def read_body(letter: DeadLetter) -> str:
    """Return the body of a letter as it was on the queue."""
    _record(AuditAction.READ, [letter.pk])
    return body_of(letter)


def redrive(
    planned: Sequence[PlannedRedrive], *, rate: float, on_progress: Callable[[Redrive], None]
) -> Redrive:
    """Send letters to the events' queue again, `rate` of them per second. Raise Unavailable."""
    _record(AuditAction.REDRIVE, [one.pk for one in planned])
    return send_again(planned, rate=rate, on_progress=on_progress)


def record_export(letters: QuerySet[DeadLetter]) -> None:
    """Add an entry to the audit log that letters are exported. Call it before the export."""
    audit.record(
        actor=audit.command_line(),
        action=AuditAction.EXPORT,
        of=DeadLetter,
        object_id="",
        count=letters.count(),
    )


def discard(ids: Sequence[int]) -> int:
    """Delete letters permanently, page by page. Return the number of deleted letters."""
    discarded = 0
    for start in range(0, len(ids), PAGE_SIZE):
        page = ids[start : start + PAGE_SIZE]
        with transaction.atomic():
            _record(AuditAction.DISCARD, page)
            discarded += dead_letters.discard(page)
        logger.info("dead_letters_discarded", extra={"dead_letters": page})
    return discarded


def _record(action: AuditAction, ids: Sequence[int]) -> None:
    audit.record_all(
        actor=audit.command_line(), action=action, of=DeadLetter, details=audit.without_details(ids)
    )
