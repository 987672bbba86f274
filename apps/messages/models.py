"""The archives of conversations, deletions, dead letters and problems of producers."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.common.lossless_json import Decoder, Encoder
from apps.conversations.models import Conversation
from apps.conversations.span_models import sequence_number_field


class ConversationMessages(models.Model):
    """A part of a conversation's archive. Nearly all archives have one part.

    `messages` is a JSON array, oldest first, with one entry for each message. Later versions of a
    message are in the `edits` of its entry. Parts are numbered in order of time.
    `first_message_at` and `last_message_at` are queue times. `merged_places` are the places of all
    versions that were merged into the part, including repeats and dropped versions.
    """

    conversation = models.ForeignKey(
        Conversation,
        on_delete=models.CASCADE,
        related_name="archive_parts",
        verbose_name=_("conversation"),
    )
    part = models.PositiveIntegerField(_("part"))
    messages = models.JSONField(encoder=Encoder, decoder=Decoder)
    message_ids = ArrayField(
        models.TextField(), help_text="Direction and id of each message, for lookups."
    )
    first_position = models.TextField(
        _("first position"), help_text=_("Time and place of the first message.")
    )
    first_message_at = models.DateTimeField(_("first message at"))
    last_message_at = models.DateTimeField(_("last message at"))
    message_count = models.PositiveIntegerField(_("message count"))
    size = models.PositiveIntegerField(_("size"), help_text=_("Bytes of JSON."))
    merged_places = models.BinaryField(default=bytes, db_default=b"")

    class Meta:
        verbose_name = _("archive part")
        verbose_name_plural = _("archive parts")
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


class MessageDeletion(models.Model):
    """An event by which the author of a message deleted it. It names the message and has no text.

    `identity` is the direction and the id of the message. `queue_time`, `sequence_number` and
    `group_id` are the place of the event. `conversation` is that of the message, which is decided
    once; the deletion waits for its message while it is None, until a time after `recorded_at`.
    """

    project_uuid = models.UUIDField()
    channel_uuid = models.UUIDField()
    contact_urn = models.TextField()
    identity = models.TextField()
    queue_time = models.DateTimeField()
    sequence_number = sequence_number_field()
    group_id = models.CharField(max_length=128)
    recorded_at = models.DateTimeField()
    conversation = models.ForeignKey(
        Conversation, null=True, on_delete=models.CASCADE, related_name="deletions"
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=(
                    "project_uuid",
                    "contact_urn",
                    "channel_uuid",
                    "group_id",
                    "sequence_number",
                ),
                name="one_deletion_per_place",
            ),
        )
        indexes = (
            models.Index(
                "recorded_at", condition=Q(conversation=None), name="waiting_deletions_by_age"
            ),
        )

    def __str__(self) -> str:
        return f"{self.group_id} {self.sequence_number}"


class DeadLetter(models.Model):
    """An event that did not take effect, from the dead-letter queue, with the reason why.

    Texts are escaped (`apps.common.lossless_json.escape`), so that PostgreSQL can store any of
    them. The project, the channel and the contact are those that the body names; they are empty if
    the body cannot be read. `queue_time`, `sequence_number` and `group_id` are the event's place.
    """

    message_id = models.TextField(
        _("message ID"),
        unique=True,
        help_text=_("Message ID of the dead letter on the dead-letter queue."),
    )
    source_message_id = models.TextField(
        _("source message ID"), blank=True, help_text=_("Message ID of the event on its own queue.")
    )
    group_id = models.CharField(_("group ID"), max_length=128)
    sequence_number = models.DecimalField(
        _("sequence number"),
        max_digits=39,
        decimal_places=0,
        help_text=_("Sequence number of the event's first sending."),
    )
    body = models.TextField()
    attributes = models.JSONField(
        _("attributes"),
        default=dict,
        blank=True,
        help_text=_("The event's own message attributes."),
    )
    reason = models.CharField(_("reason"), max_length=100)
    error = models.TextField(blank=True)
    queue_time = models.DateTimeField(
        _("queue time"), help_text=_("When the event was first queued.")
    )
    receive_count = models.PositiveIntegerField(
        _("receive count"), help_text=_("How often the event was received.")
    )
    project_uuid = models.UUIDField(_("project UUID"), null=True, blank=True)
    channel_uuid = models.UUIDField(_("channel UUID"), null=True, blank=True)
    contact_urn = models.TextField(_("contact URN"), blank=True)
    collected_at = models.DateTimeField(_("collected at"))
    redrive_requested_at = models.DateTimeField(
        _("redrive requested at"),
        null=True,
        blank=True,
        help_text=_("When an operator requested a redrive."),
    )
    redrive_refusal = models.TextField(
        _("redrive refusal"),
        blank=True,
        default="",
        db_default="",
        help_text=_("Why the latest requested redrive was not possible; empty if it was."),
    )
    redriven_at = models.DateTimeField(_("redriven at"), null=True, blank=True)
    redrive_count = models.PositiveIntegerField(_("redrive count"), default=0)

    class Meta:
        verbose_name = _("dead letter")
        verbose_name_plural = _("dead letters")
        indexes = (
            models.Index(fields=("queue_time", "id"), name="dead_letters_in_order"),
            models.Index(fields=("reason", "queue_time"), name="dead_letters_by_reason"),
            models.Index(fields=("project_uuid", "queue_time"), name="dead_letters_by_project"),
            models.Index(fields=("group_id", "queue_time"), name="dead_letters_by_group"),
            models.Index(
                "redrive_requested_at",
                condition=~Q(redrive_requested_at=None),
                name="dead_letters_wanted",
            ),
            models.Index(fields=("collected_at",), name="dead_letters_by_age"),
            models.Index(
                "queue_time", "id", condition=Q(redriven_at=None), name="dead_letters_waiting"
            ),
            models.Index(
                "queue_time", "id", condition=~Q(redriven_at=None), name="dead_letters_redriven"
            ),
        )

    def __str__(self) -> str:
        return self.message_id


class ProducerProblem(models.Model):
    """How many events of a project, queued on one day in UTC, had one problem of their producer.

    `problem` is an apps.messages.producer_problems.Problem. `detail` is the reason why an event is
    malformed or an answer has no score, otherwise "". An event that names no project counts for the
    nil UUID.
    """

    project_uuid = models.UUIDField(_("project UUID"))
    day = models.DateField(_("day"), help_text=_("The day in UTC."))
    problem = models.CharField(_("problem"), max_length=40)
    detail = models.CharField(_("detail"), max_length=100)
    events = models.PositiveBigIntegerField(_("events"))

    class Meta:
        verbose_name = _("producer problem")
        verbose_name_plural = _("producer problems")
        constraints = (
            models.UniqueConstraint(
                fields=("day", "project_uuid", "problem", "detail"), name="producer_problems_unique"
            ),
        )
        indexes = (
            models.Index(fields=("project_uuid", "day"), name="producer_problems_of_project"),
        )

    def __str__(self) -> str:
        return f"{self.day} {self.problem}"
