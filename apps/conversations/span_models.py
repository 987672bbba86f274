"""The places and spans of conversations, and the events that are attributed once.

They refer to the other models by name, because `apps.conversations.models` imports this module.
"""

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


def sequence_number_field(**options: Any) -> "models.DecimalField[Any, Any]":
    """Return a field for sequence numbers of SQS, which have up to 128 bits."""
    return models.DecimalField(max_digits=40, decimal_places=0, **options)


class NotedPlaces(models.Model):
    """The places of events that are stored with a conversation.

    The three `written_` fields are the place of the earliest message from the contact, and the
    three `window_` fields that of the newest window that was applied. The two `newest_` fields are
    the place of the newest archived message of the conversation's own group: DynamoDB may have
    deleted it. That of another group is in the span's row for the group.
    """

    written_at = models.DateTimeField(
        _("written at"),
        null=True,
        blank=True,
        help_text=_("Queue time of the first message from the contact."),
    )
    written_sequence = sequence_number_field(
        null=True, blank=True, verbose_name=_("written sequence")
    )
    written_group = models.CharField(
        _("written group"), max_length=128, blank=True, db_default="", default=""
    )
    window_at = models.DateTimeField(
        _("window at"),
        null=True,
        blank=True,
        help_text=_("Queue time of the newest conversation window."),
    )
    window_sequence = sequence_number_field(
        null=True, blank=True, verbose_name=_("window sequence")
    )
    window_group = models.CharField(
        _("window group"), max_length=128, blank=True, db_default="", default=""
    )
    newest_at = models.DateTimeField(
        _("newest at"),
        null=True,
        blank=True,
        help_text=_("Queue time of the newest archived message of the conversation's own group."),
    )
    newest_sequence = sequence_number_field(
        null=True, blank=True, verbose_name=_("newest sequence")
    )

    class Meta:
        abstract = True


class Span(models.Model):
    """A part of the queue whose events belong to a conversation.

    A conversation has one span for each time that it was opened or reopened. A span holds the
    sequence numbers of its own group from `first_sequence` to `last_sequence`; it is open if
    `last_sequence` is None. Sequence numbers of other groups cannot be compared with these. For
    events of other groups it begins at its start place (`starts_at`, `start_sequence`,
    `start_group`) and ends at its end place (`ended_at`, `end_sequence`, `end_group`).

    The start place and `first_sequence` move back for an event that arrives late. `opened_at` and
    `opened_sequence` are the place that opened the span, and do not move.

    Events of another group get a row of their own, with `of_span`: it holds the sequence numbers of
    that group that were placed in the span, so that the same events find it again. Its `starts_at`
    and `ended_at` are the queue times of the first and the last of these events.
    """

    conversation = models.ForeignKey(
        "conversations.Conversation", on_delete=models.CASCADE, related_name="spans"
    )
    # The three fields of the contact, which the indexes need. The foreign key has no other index.
    project = models.ForeignKey(
        "conversations.Project", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    channel_uuid = models.UUIDField()
    contact_urn = models.TextField()
    # With this collation, PostgreSQL orders group ids as Python does.
    group_id = models.CharField(max_length=128, db_collation="C")
    first_sequence = sequence_number_field()
    last_sequence = sequence_number_field(null=True)
    starts_at = models.DateTimeField()
    start_sequence = sequence_number_field()
    start_group = models.CharField(max_length=128, db_collation="C")
    opened_at = models.DateTimeField()
    opened_sequence = sequence_number_field()
    ended_at = models.DateTimeField(null=True)
    end_sequence = sequence_number_field(null=True)
    end_group = models.CharField(max_length=128, blank=True, db_collation="C")
    of_span = models.ForeignKey("self", null=True, on_delete=models.CASCADE, related_name="foreign")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("project", "channel_uuid", "contact_urn", "group_id", "first_sequence"),
                name="span_by_sequence",
            ),
        )
        indexes = (
            models.Index(
                fields=(
                    "project",
                    "channel_uuid",
                    "contact_urn",
                    "starts_at",
                    "start_group",
                    "start_sequence",
                ),
                condition=Q(of_span=None),
                name="span_by_time",
            ),
        )

    def __str__(self) -> str:
        return f"{self.conversation_id} {self.pk}"


class AttributedEvent(models.Model):
    """The conversation of a survey answer or a takeover, decided once at the first run.

    Reruns find it by the place of the event. `conversation` is None for an answer that belongs to
    none.
    """

    project = models.ForeignKey(
        "conversations.Project", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    channel_uuid = models.UUIDField()
    contact_urn = models.TextField()
    group_id = models.CharField(max_length=128)
    sequence_number = sequence_number_field()
    conversation = models.ForeignKey(
        "conversations.Conversation", null=True, on_delete=models.CASCADE, related_name="+"
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("project", "channel_uuid", "contact_urn", "group_id", "sequence_number"),
                name="one_attribution_per_event",
            ),
        )

    def __str__(self) -> str:
        return f"{self.group_id} {self.sequence_number}"
