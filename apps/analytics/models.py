"""Survey answers, and the outbox of their events for the data lake."""

import uuid

from django.contrib.postgres.indexes import HashIndex
from django.db import models
from django.db.models import Q

from apps.common.lossless_json import Decoder, Encoder
from apps.conversations.models import Conversation, Project


class SurveyAnswer(models.Model):
    """One answer of a contact: CSAT, NPS or a custom event. It may have no conversation."""

    # The foreign keys need no index: `one_answer_per_message` and `answers_of_conversation` begin
    # with them.
    project = models.ForeignKey(
        Project, on_delete=models.PROTECT, related_name="survey_answers", db_index=False
    )
    channel_uuid = models.UUIDField()
    contact_urn = models.TextField()
    message_id = models.TextField(
        help_text="The id of the message, or its hash if the id is very long."
    )
    conversation = models.ForeignKey(
        Conversation,
        null=True,
        on_delete=models.CASCADE,
        related_name="survey_answers",
        db_index=False,
    )
    key = models.CharField(max_length=255)
    value = models.TextField()
    score = models.PositiveSmallIntegerField(null=True, blank=True)
    answered_at = models.DateTimeField()
    is_replaced = models.BooleanField(
        default=False, help_text="Whether the conversation has a newer answer with the same key."
    )
    sequence_number = models.DecimalField(max_digits=40, decimal_places=0)
    correlation_id = models.TextField(blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("project", "channel_uuid", "contact_urn", "message_id"),
                name="one_answer_per_message",
            ),
        )
        indexes = (
            models.Index(
                fields=("conversation", "key", "answered_at", "sequence_number"),
                name="answers_of_conversation",
            ),
            # CSAT and NPS of a period need only an index-only scan. The index leaves custom events
            # out, and an answer leaves the index when it gets `is_replaced`.
            models.Index(
                fields=("project", "answered_at"),
                include=("channel_uuid", "key", "score"),
                condition=Q(is_replaced=False, score__isnull=False),
                name="scores_by_time",
            ),
            # For the filters and the order of the admin's list.
            models.Index(fields=("answered_at",), name="answers_by_time"),
            models.Index(fields=("key", "answered_at"), name="answers_by_key"),
            models.Index(fields=("project", "answered_at"), name="answers_by_project"),
            HashIndex(fields=("contact_urn",), name="answers_by_contact"),
        )

    def __str__(self) -> str:
        return f"{self.key} {self.pk}"


class OutboxEvent(models.Model):
    """An event for the data lake, written in the transaction that records its answer."""

    event_id = models.UUIDField(unique=True, default=uuid.uuid4)
    answer = models.OneToOneField(
        SurveyAnswer, on_delete=models.CASCADE, related_name="outbox_event"
    )
    payload = models.JSONField(encoder=Encoder, decoder=Decoder)
    created_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True, blank=True)
    refusal = models.TextField(
        blank=True, help_text="Why the data lake refuses the event for good; empty if it does not."
    )

    class Meta:
        indexes = (
            models.Index(
                "id", condition=Q(delivered_at=None, refusal=""), name="outbox_to_deliver"
            ),
            models.Index("delivered_at", condition=~Q(delivered_at=None), name="outbox_delivered"),
            models.Index("id", condition=~Q(refusal=""), name="outbox_refused"),
        )

    def __str__(self) -> str:
        return str(self.event_id)
