"""What PostgreSQL has about conversations: their rows, spans, archived places and answers."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from apps.analytics.models import SurveyAnswer
from apps.analytics.services import identity_of, place_of
from apps.conversations import noted_places, selectors
from apps.conversations.contacts import Contact
from apps.conversations.models import Conversation, Resolution
from apps.conversations.places import time_of
from apps.conversations.span_models import Span
from apps.messages.events import MessageEvent
from apps.messages.merged_places import unpack
from apps.messages.models import ConversationMessages
from celery_sqs_fifo import Place

# An answer is known by its conversation and its identity.
AnswerName = tuple[UUID, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A conversation with its spans, those of other groups included.

    `archived` are the keys of the messages that its archive has. They are read only if it is
    closed.
    """

    conversation: Conversation
    spans: list[Span]
    archived: set[str]

    @property
    def is_closed(self) -> bool:
        """Whether the conversation is closed."""
        return self.conversation.resolution != Resolution.IN_PROGRESS

    @property
    def contact(self) -> Contact:
        """The contact of the conversation."""
        return selectors.contact_of(self.conversation)

    def lacks(self, event: MessageEvent) -> bool:
        """Return whether the row or the spans lack something that this message once wrote.

        A message behind the end of the conversation was written after a reopening that is lost. It
        would open another conversation now, so it is only archived.
        """
        if self._is_behind_the_end(event.place):
            return False
        if event.contact_name and not self.conversation.contact_name:
            return True
        if event.from_contact and self._lacks_writing(event.place):
            return True
        return not self._contains(event.place)

    def _lacks_writing(self, place: Place) -> bool:
        written = noted_places.written(self.conversation)
        return written is None or place < written

    def _contains(self, place: Place) -> bool:
        return any(
            span.first_sequence <= place.sequence_number
            and (span.last_sequence is None or place.sequence_number <= span.last_sequence)
            for span in self._of_group(place)
        )

    def _is_behind_the_end(self, place: Place) -> bool:
        ended_at = self.conversation.ended_at
        if not self.is_closed or ended_at is None:
            return False
        ends = [span.last_sequence for span in self._of_group(place) if span.last_sequence]
        return max(ends) < place.sequence_number if ends else ended_at < time_of(place)

    def _of_group(self, place: Place) -> Iterable[Span]:
        return (span for span in self.spans if span.group_id == place.group)


def known_conversations(uuids: Collection[UUID]) -> dict[UUID, Known]:
    """Return those of these conversations that have a row."""
    rows = Conversation.objects.in_bulk(list(uuids))
    spans: defaultdict[UUID, list[Span]] = defaultdict(list)
    for span in Span.objects.filter(conversation_id__in=rows):
        spans[span.conversation_id].append(span)
    closed = [uuid for uuid, row in rows.items() if row.resolution != Resolution.IN_PROGRESS]
    archived: defaultdict[UUID, set[str]] = defaultdict(set)
    parts = ConversationMessages.objects.filter(conversation_id__in=closed)
    for uuid, packed in parts.values_list("conversation_id", "merged_places"):
        archived[uuid] |= unpack(packed)
    return {
        uuid: Known(conversation=row, spans=spans[uuid], archived=archived[uuid])
        for uuid, row in rows.items()
    }


def recorded_answers(names: Collection[AnswerName]) -> dict[AnswerName, Place]:
    """Return the places of those of these answers that are recorded."""
    found = SurveyAnswer.objects.filter(
        conversation_id__in={uuid for uuid, _ in names}, identity__in={name for _, name in names}
    )
    places = {}
    for answer in found:
        if answer.conversation_id is not None:
            places[answer.conversation_id, answer.identity] = place_of(answer)
    return places


def name_of_answer(event: MessageEvent, *, conversation_uuid: UUID) -> AnswerName | None:
    """Return the name of the answer in an event, or None if it has none."""
    answer = event.answer
    if answer is None:
        return None
    identity = identity_of(key=answer.key, message_id=event.message_id, value=answer.value)
    return conversation_uuid, identity
