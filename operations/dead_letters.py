"""Redriving dead letters at once, with entries in the audit log."""

from collections.abc import Callable, Sequence

from apps.conversations import audit
from apps.conversations.audit_models import AuditAction
from apps.messages import dead_letter_actions
from apps.messages.dead_letters import PlannedRedrive
from tasks.deadletters.redrive import Redrive
from tasks.deadletters.redrive import redrive as send_again


def redrive(
    planned: Sequence[PlannedRedrive], *, rate: float, on_progress: Callable[[Redrive], None]
) -> Redrive:
    """Send letters to the events' queue again, `rate` of them per second. Raise Unavailable."""
    ids = [one.pk for one in planned]
    dead_letter_actions.record(AuditAction.REDRIVE, ids, actor=audit.command_line())
    return send_again(planned, rate=rate, on_progress=on_progress)
