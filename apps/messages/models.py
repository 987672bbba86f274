"""The archives of conversations, and the dead letters."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from apps.common.lossless_json import Decoder, Encoder
from apps.conversations.models import Conversation


class ConversationMessages(models.Model):
    """A part of a conversation's archive. Nearly all archives have one part.

    `messages` is a JSON array, oldest first, with one entry for each message id. Later versions of
    a message are in the `edits` of its entry. Parts are numbered in order of time.
    """

    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="archive_parts"
    )
    part = models.PositiveIntegerField()
    messages = models.JSONField(encoder=Encoder, decoder=Decoder)
    message_ids = ArrayField(
        models.TextField(), help_text="The ids of `messages`, for lookups that do not read them."
    )
    first_position = models.TextField(help_text="Time and sequence number of the first message.")
    first_message_at = models.DateTimeField()
    last_message_at = models.DateTimeField()
    message_count = models.PositiveIntegerField()
    size = models.PositiveIntegerField(help_text="Bytes of JSON.")

    class Meta:
        verbose_name_plural = "conversation messages"
        ordering = ("conversation", "part")
        constraints = (
            models.UniqueConstraint(
                fields=("conversation", "part"),
                name="one_archive_part_per_number",
                deferrable=models.Deferrable.DEFERRED,
            ),
        )

    def __str__(self) -> str:
        return f"{self.conversation_id}/{self.part}"


class DeadLetter(models.Model):
    """An event that took no effect, from the dead-letter queue, with the reason why.

    Texts are escaped (`apps.common.lossless_json.escape`), so that PostgreSQL can store any of
    them. The project, the channel and the contact are those that the body names; they are empty if
    the body cannot be read.
    """

    message_id = models.TextField(
        unique=True, help_text="Message id of the dead letter on the dead-letter queue."
    )
    source_message_id = models.TextField(
        blank=True, help_text="Message id of the event on its own queue."
    )
    group_id = models.CharField(max_length=128)
    sequence_number = models.DecimalField(
        max_digits=40,
        decimal_places=0,
        help_text="Sequence number of the dead letter on the dead-letter queue.",
    )
    body = models.TextField()
    attributes = models.JSONField(
        default=dict, blank=True, help_text="The event's own message attributes."
    )
    reason = models.CharField(max_length=100)
    error = models.TextField(blank=True)
    first_sent_at = models.DateTimeField(help_text="When the event was first queued.")
    receive_count = models.PositiveIntegerField(help_text="How often the event was received.")
    project_uuid = models.UUIDField(null=True, blank=True)
    channel_uuid = models.UUIDField(null=True, blank=True)
    contact_urn = models.TextField(blank=True)
    collected_at = models.DateTimeField()
    redrive_requested_at = models.DateTimeField(
        null=True, blank=True, help_text="When an operator requested a redrive."
    )
    redriven_at = models.DateTimeField(null=True, blank=True)
    redrive_count = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = (
            models.Index(fields=("first_sent_at", "id"), name="dead_letters_in_order"),
            models.Index(fields=("reason", "first_sent_at"), name="dead_letters_by_reason"),
            models.Index(fields=("project_uuid", "first_sent_at"), name="dead_letters_by_project"),
            models.Index(fields=("group_id", "first_sent_at"), name="dead_letters_by_group"),
            models.Index(
                "redrive_requested_at",
                condition=~Q(redrive_requested_at=None),
                name="dead_letters_wanted",
            ),
            models.Index(
                "first_sent_at", "id", condition=Q(redriven_at=None), name="dead_letters_waiting"
            ),
            models.Index(
                "first_sent_at", "id", condition=~Q(redriven_at=None), name="dead_letters_redriven"
            ),
        )

    def __str__(self) -> str:
        return self.message_id
