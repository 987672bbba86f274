"""Deleting the survey answers of erased contacts, with their events in the outbox."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet

from apps.analytics.models import OutboxEvent, SurveyAnswer
from apps.analytics.services import place_of
from apps.conversations.erasing import precedes
from celery_sqs_fifo.place import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Counts of a contact's answers and outbox events, and the events that the data lake has.

    `outbox_events` counts delivered events too. `lake_event_ids` has only delivered events,
    including those that were deleted from the outbox.
    """

    answers: int
    outbox_events: int
    lake_event_ids: list[str]


def find_answers(*, project_uuid: UUID, urn: str) -> Answers:
    """Return the counts of all answers of a contact."""
    return _counts(_of_contact(project_uuid, urn))


def groups_of(*, project_uuid: UUID, urn: str) -> set[str]:
    """Return the message groups of the contact's answers."""
    return set(_of_contact(project_uuid, urn).values_list("group_id", flat=True))


def delete_answers(
    *, project_uuid: UUID, urn: str, conversation_uuids: Collection[UUID], mark: Place
) -> Answers:
    """Delete a contact's answers in these conversations, and those in none from before a mark.

    Return their counts. Call it in a transaction that has locked the contact. It waits until a
    running delivery to the data lake has ended, so that the events of that delivery count as
    delivered.
    """
    of_contact = _of_contact(project_uuid, urn)
    without = of_contact.filter(conversation=None)
    in_none = [one.pk for one in without if precedes(place_of(one), mark=mark)]
    answers = of_contact.filter(Q(pk__in=in_none) | Q(conversation_id__in=conversation_uuids))
    outbox = OutboxEvent.objects.filter(answer__in=list(answers))
    list(outbox.select_for_update().order_by("id").values_list("id"))
    counts = _counts(answers)
    answers.delete()
    return counts


def _of_contact(project_uuid: UUID, urn: str) -> QuerySet[SurveyAnswer]:
    return SurveyAnswer.objects.filter(project_id=project_uuid, contact_urn=urn)


def _counts(of_contact: QuerySet[SurveyAnswer]) -> Answers:
    answers = list(of_contact)
    outbox = OutboxEvent.objects.filter(answer__in=answers)
    waiting = set(outbox.filter(delivered_at=None).values_list("event_id", flat=True))
    return Answers(
        answers=len(answers),
        outbox_events=outbox.count(),
        lake_event_ids=[
            str(event_id)
            for answer in answers
            for event_id in answer.lake_event_ids
            if event_id not in waiting
        ],
    )
