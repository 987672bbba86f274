"""Survey answers, and what the data lake has yet to be told of them."""

import uuid

from django.contrib.postgres.indexes import HashIndex
from django.db import models
from django.db.models import Q

from apps.common.lossless_json import Decoder, Encoder
from apps.conversations.models import Conversation, Project


class SurveyAnswer(models.Model):
    """One answer of a contact: CSAT, NPS or a custom event. Kept also where no conversation is."""

    # Neither reference has an index of its own: `one_answer_per_message` and
    # `answers_of_conversation` begin with them.
    project = models.ForeignKey(
        Project, on_delete=models.PROTECT, related_name="survey_answers", db_index=False
    )
    channel_uuid = models.UUIDField()
    contact_urn = models.TextField()
    message_id = models.TextField(help_text="Its hash where the id is very long.")
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
        default=False, help_text="A newer answer of its kind was given to the same conversation."
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
            # CSAT and NPS of a period, from the index alone. Custom events are not in it, and a row
            # changes in it only when a newer answer replaces it.
            models.Index(
                fields=("project", "answered_at"),
                include=("channel_uuid", "key", "score"),
                condition=Q(is_replaced=False, score__isnull=False),
                name="scores_by_time",
            ),
            # What the admin's list is filtered and ordered by.
            models.Index(fields=("answered_at",), name="answers_by_time"),
            models.Index(fields=("key", "answered_at"), name="answers_by_key"),
            models.Index(fields=("project", "answered_at"), name="answers_by_project"),
            HashIndex(fields=("contact_urn",), name="answers_by_contact"),
        )

    def __str__(self) -> str:
        return f"{self.key} {self.pk}"


class OutboxEvent(models.Model):
    """An event for the data lake, written in the transaction of what it tells."""

    event_id = models.UUIDField(unique=True, default=uuid.uuid4)
    answer = models.OneToOneField(
        SurveyAnswer, on_delete=models.CASCADE, related_name="outbox_event"
    )
    payload = models.JSONField(encoder=Encoder, decoder=Decoder)
    created_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True, blank=True)
    refusal = models.TextField(
        blank=True, help_text="Why the lake will never take it as it is; empty: it may."
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
