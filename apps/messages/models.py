"""The archive: where the messages of closed conversations are kept."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from apps.conversations.models import Conversation
from apps.lossless_json import Decoder, Encoder


class ConversationMessages(models.Model):
    """A part of a conversation's archive; nearly always there is one.

    `messages` is a JSON array, oldest first, with one entry for each message id; later versions
    of a message stand in its entry's `edits`. Parts follow each other in time.
    """

    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="archive_parts"
    )
    part = models.PositiveIntegerField()
    messages = models.JSONField(encoder=Encoder, decoder=Decoder)
    message_ids = ArrayField(
        models.TextField(), help_text="The ids in `messages`, to find a message without reading it."
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
