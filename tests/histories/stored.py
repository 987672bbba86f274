"""What the service stored about the contacts of many histories: one statement for each table."""

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from uuid import UUID

from django.db.models import Exists, OuterRef, Prefetch, Q

from apps.analytics.models import OutboxEvent, SurveyAnswer
from apps.common import clock
from apps.conversations.models import Conversation
from apps.conversations.span_models import Span
from apps.messages.archiving import migrate
from apps.messages.models import MessageDeletion
from apps.messages.store import batches
from apps.messages.transcript import transcript
from apps.messages.versions import Document, identity


def archive_the_rest(urns: Sequence[str]) -> None:
    """Archive the conversations that are not archived, or whose contact has waiting deletions.

    So the service tries waiting deletions again.
    """
    waiting = MessageDeletion.objects.filter(contact_urn=OuterRef("contact_urn"), conversation=None)
    rest = Conversation.objects.filter(Q(archived_at=None) | Exists(waiting), contact_urn__in=urns)
    for uuid in rest.order_by("opened_at", "uuid").values_list("uuid", flat=True):
        migrate(conversation_uuid=uuid, now=clock.now())


class Stored:
    """What the service stored about a contact. Its conversations have spans, answers and so on."""

    def __init__(self) -> None:
        self.conversations: list[Conversation] = []
        self.spans: list[Span] = []
        self.homeless: list[SurveyAnswer] = []
        self.outbox: list[OutboxEvent] = []
        self.deletions: list[MessageDeletion] = []

    @cached_property
    def transcripts(self) -> dict[UUID, list[Document]]:
        """The transcripts of the conversations."""
        return {one.uuid: transcript(one) for one in self.conversations}

    @cached_property
    def names(self) -> dict[UUID, str]:
        """The names of the conversations: the sequence numbers that opened them."""
        return {one.uuid: str(one.spans.all()[0].opened_sequence) for one in self.conversations}

    def overlaps(self) -> list[str]:
        """Return the spans that overlap with another one in the numbers of their group."""
        in_order = sorted(self.spans, key=lambda one: (one.group_id, one.first_sequence))
        return [
            f"{one} and {other}"
            for one, other in pairwise(in_order)
            if one.group_id == other.group_id
            and (one.last_sequence is None or one.last_sequence >= other.first_sequence)
        ]

    def left_of_deleted(self) -> list[str]:
        """Return what stores have of the content of deleted messages, after everything ran."""
        by_uuid = {one.uuid: one for one in self.conversations}
        left = []
        for one in self.deletions:
            if one.conversation_id is None:
                continue
            stored = [
                document for batch in batches(one.conversation_id) for document in batch.documents
            ]
            for document in (*stored, *self.transcripts[one.conversation_id]):
                if identity(document) == one.identity and (
                    document["message"] or "extra" in document or "edits" in document
                ):
                    left.append(f"{one.identity} in {by_uuid[one.conversation_id]}")
        return left


def read_stored(urns: Sequence[str]) -> dict[str, Stored]:
    """Read what the service stored about each contact. The keys are the contacts' URNs."""
    found = defaultdict(Stored, {urn: Stored() for urn in urns})
    for conversation in Conversation.objects.filter(contact_urn__in=urns).prefetch_related(
        Prefetch("spans", queryset=Span.objects.filter(of_span=None).order_by("pk")),
        "survey_answers",
        "archive_parts",
    ):
        found[conversation.contact_urn].conversations.append(conversation)
    for span in Span.objects.filter(contact_urn__in=urns):
        found[span.contact_urn].spans.append(span)
    for answer in SurveyAnswer.objects.filter(contact_urn__in=urns, conversation=None):
        found[answer.contact_urn].homeless.append(answer)
    for event in OutboxEvent.objects.filter(answer__contact_urn__in=urns).select_related("answer"):
        found[event.answer.contact_urn].outbox.append(event)
    for deletion in MessageDeletion.objects.filter(contact_urn__in=urns):
        found[deletion.contact_urn].deletions.append(deletion)
    return found
