"""Deleting the survey answers of erased contacts, with their events in the outbox."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet

from apps.analytics.models import OutboxEvent, SurveyAnswer
from apps.analytics.services import event_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Counts of a contact's answers and outbox events, and the events that the data lake has.

    `outbox_events` counts delivered events too. `lake_event_ids` has the delivered events only,
    those that were deleted from the outbox included.
    """

    answers: int
    outbox_events: int
    lake_event_ids: list[str]


def find_answers(*, project_uuid: UUID, urn: str, conversation_uuids: Collection[UUID]) -> Answers:
    """Find a contact's answers in these conversations and those without a conversation."""
    answers = list(_answers(project_uuid, urn, conversation_uuids))
    outbox = OutboxEvent.objects.filter(answer__in=answers)
    waiting = set(outbox.filter(delivered_at=None).values_list("answer_id", flat=True))
    return Answers(
        answers=len(answers),
        outbox_events=outbox.count(),
        lake_event_ids=[str(event_id(answer)) for answer in answers if answer.pk not in waiting],
    )


def delete_answers(
    *, project_uuid: UUID, urn: str, conversation_uuids: Collection[UUID]
) -> Answers:
    """Delete the answers that `find_answers` finds; return what was deleted.

    Must run in a transaction. Waits for a running delivery to the data lake, so that its events
    are among the delivered ones.
    """
    answers = _answers(project_uuid, urn, conversation_uuids)
    outbox = OutboxEvent.objects.filter(answer__in=list(answers))
    list(outbox.select_for_update().order_by("id").values_list("id"))
    found = find_answers(project_uuid=project_uuid, urn=urn, conversation_uuids=conversation_uuids)
    answers.delete()
    return found


def _answers(
    project_uuid: UUID, urn: str, conversation_uuids: Collection[UUID]
) -> QuerySet[SurveyAnswer]:
    return SurveyAnswer.objects.filter(
        Q(conversation=None) | Q(conversation_id__in=conversation_uuids),
        project_id=project_uuid,
        contact_urn=urn,
    )
