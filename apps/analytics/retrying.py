"""Retrying events that the data lake refused, with an entry in the audit log."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from apps.analytics.models import OutboxEvent
from apps.conversations import audit
from apps.conversations.audit import Actor
from apps.conversations.audit_models import AuditAction


@transaction.atomic
def retry_refused(*, actor: Actor, event_ids: Sequence[UUID] = ()) -> int:
    """Mark refused events as waiting: those with these ids, or all. Return their number."""
    refused = OutboxEvent.objects.exclude(refusal="").order_by("id")
    if event_ids:
        refused = refused.filter(event_id__in=event_ids)
    taken = list(refused.select_for_update().values_list("event_id", flat=True))
    if not taken:
        return 0
    audit.record_all(
        actor=actor, action=AuditAction.RETRY, of=OutboxEvent, details=audit.without_details(taken)
    )
    return OutboxEvent.objects.filter(event_id__in=taken).update(refusal="")
