"""Which closed conversations and which answers retention deletes.

Rows whose events the data lake has still to receive are kept until they are delivered.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from apps.analytics import rollups
from apps.analytics.models import OutboxEvent, SurveyAnswer
from apps.conversations import spans
from apps.conversations.models import CLOSED, Conversation
from apps.conversations.span_models import AttributedEvent

_TO_DELIVER = OutboxEvent.objects.filter(delivered_at=None, refusal="")


def expired_conversations(before: datetime) -> QuerySet[Conversation]:
    """Return the conversations that closed before a time.

    Deleting them also deletes the rows that refer to them: spans, archives and answers.
    """
    waiting = _TO_DELIVER.filter(answer__conversation=OuterRef("pk"))
    return Conversation.objects.filter(
        ~Exists(waiting), resolution__in=CLOSED, ended_at__lte=before
    )


def lock_conversations(rows: QuerySet[Conversation]) -> list[UUID]:
    """Lock conversations and their contacts without waiting. Return the uuids of those locked.

    Code that deletes spans must hold the lock of their contact.
    """
    contacts = rows.annotate(is_locked=spans.try_lock_contact())
    of_locked = [uuid for uuid, locked in contacts.values_list("uuid", "is_locked") if locked]
    locked = rows.filter(uuid__in=of_locked).select_for_update(skip_locked=True, of=("self",))
    return list(locked.values_list("uuid", flat=True))


def expired_answers(before: datetime) -> QuerySet[SurveyAnswer]:
    """Return the answers given before a time. Their scores remain on their conversations."""
    waiting = _TO_DELIVER.filter(answer=OuterRef("pk"))
    return SurveyAnswer.objects.filter(~Exists(waiting), answered_at__lte=before)


def before_deleting_conversations(conversations: Sequence[UUID]) -> None:
    """Keep conversations, with their answers, in the figures."""
    rollups.keep(conversations=conversations)


def before_deleting_answers(answers: Sequence[int]) -> None:
    """Keep answers in the figures, and delete their stored attributions."""
    rollups.keep(answers=answers)
    _delete_attributions(answers)


def _delete_attributions(answers: Sequence[int]) -> None:
    """Delete the stored attributions of those answers that have no conversation.

    The attributions of earlier answers of the same contact and group are deleted too.
    """
    for answer in SurveyAnswer.objects.filter(pk__in=answers, conversation=None):
        AttributedEvent.objects.filter(
            project_id=answer.project_id,
            channel_uuid=answer.channel_uuid,
            contact_urn=answer.contact_urn,
            group_id=answer.group_id,
            sequence_number__lte=answer.sequence_number,
            conversation=None,
        ).delete()
