"""What operators do with dead letters. Each action adds entries to the audit log."""

import logging
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from apps.conversations import audit
from apps.conversations.audit import Actor
from apps.conversations.audit_models import AuditAction
from apps.messages import dead_letters
from apps.messages.dead_letter_format import body_of
from apps.messages.models import DeadLetter

logger = logging.getLogger(__name__)

PAGE_SIZE = 50


def read_body(letter: DeadLetter, *, actor: Actor) -> str:
    """Return the body of a letter as it was on the queue."""
    record(AuditAction.READ, [letter.pk], actor=actor)
    return body_of(letter)


def request_redrive(ids: Sequence[int], *, actor: Actor, now: datetime) -> list[int]:
    """Request a redrive of letters. Return those that had no request and no redrive before."""
    with transaction.atomic():
        requested = [letter.pk for letter in dead_letters.request_redrive(ids=ids, now=now)]
        record(AuditAction.REDRIVE, requested, actor=actor)
    return requested


def record_export(count: int, *, actor: Actor) -> None:
    """Add an entry that letters are exported. Call it before the export."""
    audit.record(actor=actor, action=AuditAction.EXPORT, of=DeadLetter, object_id="", count=count)


def discard(ids: Sequence[int], *, actor: Actor) -> int:
    """Delete letters permanently, page by page. Return the number of deleted letters."""
    discarded = 0
    for start in range(0, len(ids), PAGE_SIZE):
        page = ids[start : start + PAGE_SIZE]
        with transaction.atomic():
            record(AuditAction.DISCARD, page, actor=actor)
            discarded += dead_letters.discard(page)
        logger.info("dead_letters_discarded", extra={"dead_letters": page})
    return discarded


def record(action: AuditAction, ids: Sequence[int], *, actor: Actor) -> None:
    """Add an entry for each letter."""
    audit.record_all(actor=actor, action=action, of=DeadLetter, details=audit.without_details(ids))
