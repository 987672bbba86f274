"""Survey answers, and the outbox of their events for the data lake.

Django also finds the models of `rollup_models` through this module.
"""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import HashIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.analytics import rollup_models  # noqa: F401 (Django imports only this module)
from apps.common.lossless_json import Decoder, Encoder
from apps.conversations.models import Conversation
from apps.conversations.project_models import Project
from apps.conversations.scores import NoScore
from apps.conversations.span_models import sequence_number_field


class SurveyAnswer(models.Model):
    """One answer of a contact: CSAT, NPS or a custom event. It may have no conversation.

    The same key, message id and value in a conversation is one answer, however often it arrives;
    `identity` is their hash. `answered_at`, `sequence_number` and `group_id` are the place of the
    newest of these events. An answer with a `problem` has no score although its key has scores, and
    never counts. `message` is the answer's message if it has a text and the answer has no
    conversation, because then no transcript contains it.
    """

    # The foreign keys need no index: `answer_without_conversation` and `answers_of_conversation`
    # begin with them.
    project = models.ForeignKey(
        Project,
        on_delete=models.PROTECT,
        related_name="survey_answers",
        db_index=False,
        verbose_name=_("project"),
    )
    channel_uuid = models.UUIDField(_("channel UUID"))
    contact_urn = models.TextField(_("contact URN"))
    message_id = models.TextField(_("message ID"))
    identity = models.CharField(max_length=64)
    conversation = models.ForeignKey(
        Conversation,
        null=True,
        on_delete=models.CASCADE,
        related_name="survey_answers",
        db_index=False,
        verbose_name=_("conversation"),
    )
    key = models.CharField(_("key"), max_length=255)
    value = models.TextField(_("value"))
    score = models.PositiveSmallIntegerField(_("score"), null=True, blank=True)
    problem = models.CharField(
        _("problem"),
        max_length=100,
        choices=NoScore.choices,
        blank=True,
        db_default="",
        default="",
        help_text=_(
            "Why the answer has no score; empty if it has one, or if its key has no scores."
        ),
    )
    message = models.JSONField(null=True, blank=True, encoder=Encoder, decoder=Decoder)
    answered_at = models.DateTimeField(_("answered at"))
    is_replaced = models.BooleanField(
        _("is replaced"),
        default=False,
        help_text=_("Whether the conversation has a newer answer with the same key."),
    )
    sequence_number = sequence_number_field(verbose_name=_("sequence number"))
    group_id = models.CharField(_("group ID"), max_length=128)
    correlation_id = models.TextField(_("correlation ID"), blank=True)
    lake_event_ids = ArrayField(
        models.UUIDField(),
        default=list,
        db_default=[],
        help_text=_("The IDs of all events of this answer for the data lake."),
        verbose_name=_("lake event IDs"),
    )

    class Meta:
        verbose_name = _("survey answer")
        verbose_name_plural = _("survey answers")
        constraints = (
            models.UniqueConstraint(
                fields=("conversation", "identity"),
                condition=~Q(conversation=None),
                name="answer_of_conversation",
            ),
            models.UniqueConstraint(
                fields=("project", "channel_uuid", "contact_urn", "identity"),
                condition=Q(conversation=None),
                name="answer_without_conversation",
            ),
        )
        indexes = (
            models.Index(
                fields=("conversation", "key", "is_replaced"),
                name="answers_of_conversation",
            ),
            # CSAT and NPS of a period need only an index-only scan. Custom events are not in the
            # index, and an answer leaves the index when `is_replaced` is set.
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
            # For the list of answers without a score, of all projects and of one.
            models.Index(
                fields=("answered_at",), condition=~Q(problem=""), name="scoreless_by_time"
            ),
            models.Index(
                fields=("project", "answered_at"),
                condition=~Q(problem=""),
                name="scoreless_by_project",
            ),
        )

    def __str__(self) -> str:
        return f"{self.key} {self.pk}"


class OutboxEvent(models.Model):
    """An event for the data lake, written in the transaction that makes its answer count.

    An answer gets a further event each time that it counts again after another answer replaced it.
    """

    event_id = models.UUIDField(_("event ID"), unique=True, default=uuid.uuid4)
    answer = models.ForeignKey(
        SurveyAnswer,
        on_delete=models.CASCADE,
        related_name="outbox_events",
        verbose_name=_("answer"),
    )
    payload = models.JSONField(encoder=Encoder, decoder=Decoder)
    created_at = models.DateTimeField(_("created at"))
    delivered_at = models.DateTimeField(_("delivered at"), null=True, blank=True)
    refusal = models.TextField(
        _("refusal"),
        blank=True,
        help_text=_("Why the data lake refuses the event permanently; empty if it does not."),
    )

    class Meta:
        verbose_name = _("outbox event")
        verbose_name_plural = _("outbox events")
        indexes = (
            models.Index(
                "id", condition=Q(delivered_at=None, refusal=""), name="outbox_to_deliver"
            ),
            models.Index("delivered_at", condition=~Q(delivered_at=None), name="outbox_delivered"),
            models.Index("id", condition=~Q(refusal=""), name="outbox_refused"),
        )

    def __str__(self) -> str:
        return str(self.event_id)
