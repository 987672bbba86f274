"""Projects, conversations, erasures, the audit log and the rows of worker probes."""

import uuid
from datetime import time

from django.conf import settings
from django.contrib.postgres.indexes import HashIndex, OpClass
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

from apps.common import timezones

CSAT_KEY = "weni_csat"
NPS_KEY = "weni_nps"


def default_timezone() -> str:
    """Return the time zone of a project that is created on first sight."""
    return str(settings.DEFAULT_TIMEZONE)


def validate_timezone(name: str) -> None:
    """Raise ValidationError with the nearest names unless the tz database has this zone."""
    if not timezones.is_known(name):
        raise ValidationError(timezones.unknown_zone_message(name))


class Project(models.Model):
    """A customer of the platform. Its first event creates it with the default time zone."""

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=255, blank=True)
    timezone = models.CharField(
        max_length=64, default=default_timezone, validators=[validate_timezone]
    )
    closing_time = models.TimeField(
        default=time(0, 0), help_text="Local time at which open conversations close."
    )
    idle_timeout = models.DurationField(
        null=True,
        blank=True,
        help_text="Time without a message after which a conversation closes. Empty: never.",
    )
    archive_retention = models.DurationField(
        null=True,
        blank=True,
        help_text="Age after which archived messages may be deleted. Empty: never.",
    )

    def __str__(self) -> str:
        return self.name or str(self.uuid)


class Resolution(models.IntegerChoices):
    """How a conversation ended. Every value but IN_PROGRESS means that it is closed."""

    RESOLVED = 0, "Resolved"
    UNRESOLVED = 1, "Unresolved"
    IN_PROGRESS = 2, "In progress"
    UNCLASSIFIED = 3, "Unclassified"
    HAS_CHAT_ROOM = 4, "Has chat room"


CLOSED = tuple(value for value in Resolution.values if value != Resolution.IN_PROGRESS)


class Conversation(models.Model):
    """One conversation of a contact with a project on a channel.

    Times of messages are the `created_at` of their producers. `opened_at` and `ended_at` are queue
    times (SentTimestamp): events are compared with them independently of producers' clocks.

    `closes_at` is the closing time in the project's time zone. `due_at` is when the conversation is
    next checked: at `closes_at`, earlier if it may be idle by then, or at once if an operator
    requested a change. The check runs in the conversation's group and decides what to do.
    """

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4)
    # `opened_by_time` starts with the project; a second index would slow down every insert.
    project = models.ForeignKey(
        Project, on_delete=models.PROTECT, related_name="conversations", db_index=False
    )
    channel_uuid = models.UUIDField()
    contact_urn = models.TextField()
    contact_name = models.TextField(blank=True)
    group_id = models.CharField(
        max_length=128, help_text="MessageGroupId as it arrived: the conversation's lock."
    )
    external_id = models.TextField(blank=True)
    started_at = models.DateTimeField(help_text="Time of the message that opened the conversation.")
    opened_at = models.DateTimeField(help_text="Queue time of the event that opened it.")
    contact_wrote = models.BooleanField(
        default=False, help_text="Whether the contact has written in it."
    )
    closes_at = models.DateTimeField()
    postponed_from = models.DateTimeField(
        null=True, blank=True, help_text="First closing time that was postponed."
    )
    due_at = models.DateTimeField(null=True, blank=True)
    close_requested_at = models.DateTimeField(
        null=True, blank=True, help_text="When its pointer on the queue was claimed."
    )
    requested_resolution = models.PositiveSmallIntegerField(
        choices=Resolution.choices,
        null=True,
        blank=True,
        help_text='Requested by an operator: a resolution, or "In progress" to reopen it.',
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    resolution = models.PositiveSmallIntegerField(
        choices=Resolution.choices, default=Resolution.IN_PROGRESS
    )
    has_chats_room = models.BooleanField(default=False)
    csat = models.PositiveSmallIntegerField(null=True, blank=True)
    nps = models.PositiveSmallIntegerField(null=True, blank=True)
    first_message_at = models.DateTimeField(null=True, blank=True)
    last_message_at = models.DateTimeField(null=True, blank=True)
    message_count = models.PositiveIntegerField(default=0)
    archived_at = models.DateTimeField(
        null=True, blank=True, help_text="When all its messages were archived after closing."
    )
    archive_check_at = models.DateTimeField(
        null=True, blank=True, help_text="When DynamoDB is next searched for its messages."
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("project", "channel_uuid", "contact_urn"),
                condition=Q(resolution=Resolution.IN_PROGRESS),
                name="one_in_progress_per_contact",
            ),
        )
        indexes = (
            models.Index(
                "project",
                "channel_uuid",
                "contact_urn",
                F("ended_at").desc(),
                condition=~Q(resolution=Resolution.IN_PROGRESS),
                name="closed_of_contact",
            ),
            models.Index("due_at", condition=~Q(due_at=None), name="conversation_due"),
            models.Index(
                "close_requested_at",
                condition=~Q(close_requested_at=None),
                name="conversation_requested",
            ),
            models.Index(
                "archive_check_at",
                condition=~Q(archive_check_at=None),
                name="archive_check_due",
            ),
            # Serves the openings of a period with index-only scans. Its columns change only when
            # a conversation opens or reopens, so it does not keep other updates from being HOT.
            models.Index(
                fields=("project", "opened_at"),
                include=("channel_uuid",),
                name="opened_by_time",
            ),
            # Serves the closings of a period. It has no open conversations, and
            # `closed_of_contact` has `ended_at` too, so it prevents no further HOT updates. The
            # figures read their other columns from the table: if those were in the index,
            # archiving and scores would have to write it as well.
            models.Index(
                fields=("project", "ended_at"),
                condition=~Q(ended_at=None),
                name="closed_by_time",
            ),
            # The remaining indexes serve the filters and orders of the admin's list. Opening and
            # closing write one entry to each index that applies; messages write none.
            models.Index(fields=("opened_at",), name="conversations_by_time"),
            models.Index(fields=("resolution", "opened_at"), name="resolution_by_time"),
            models.Index(
                fields=("project", "resolution", "opened_at"), name="project_resolution_by_time"
            ),
            models.Index(
                "opened_at",
                condition=Q(archived_at=None) & ~Q(resolution=Resolution.IN_PROGRESS),
                name="closed_not_archived",
            ),
            models.Index(
                "opened_at", condition=~Q(requested_resolution=None), name="conversation_wanted"
            ),
            models.Index("ended_at", condition=~Q(ended_at=None), name="closings_by_time"),
            # Also serves searches by a prefix, whatever the collation of the database is.
            models.Index(OpClass("contact_urn", name="text_pattern_ops"), name="contact_prefix"),
            # A hash index: an id may have any length, and B-tree entries have a maximum size.
            HashIndex("external_id", condition=~Q(external_id=""), name="by_external_id"),
        )

    def __str__(self) -> str:
        return str(self.uuid)


class WorkerProbe(models.Model):
    """The last successful probe of PostgreSQL by a worker, which committed this row."""

    worker = models.CharField(primary_key=True, max_length=255)
    probed_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.worker


class Erasure(models.Model):
    """A request to erase a contact and, once it is done, the tombstone of the contact.

    There is one erasure for each group in which the contact had conversations. A pending erasure
    names the contact. A tombstone keeps only the contact's hash. Events of the contact that were
    queued up to `requested_at` have no effect.
    """

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="erasures")
    contact_hash = models.CharField(max_length=64)
    contact_urn = models.TextField(blank=True, help_text="Empty after the erasure.")
    group_id = models.CharField(
        max_length=128,
        blank=True,
        help_text="Empty after the erasure, because it names the contact.",
    )
    requested_at = models.DateTimeField()
    erased_at = models.DateTimeField(null=True, blank=True)
    removed = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("project", "contact_hash", "group_id"),
                condition=Q(erased_at=None),
                name="one_pending_erasure_per_group",
            ),
        )
        indexes = (
            models.Index(
                fields=("project", "contact_hash", "requested_at"), name="erasures_of_contact"
            ),
            models.Index(fields=("requested_at",), name="erasures_by_time"),
        )

    def __str__(self) -> str:
        return str(self.uuid)


class AuditAction(models.TextChoices):
    """What an actor did or requested."""

    ADD = "add", "added"
    CHANGE = "change", "changed"
    DELETE = "delete", "deleted"
    CLOSE = "close", "asked to close"
    REOPEN = "reopen", "asked to reopen"
    READ = "read", "read messages of"
    ERASE = "erase", "asked to erase"
    RETENTION = "retention", "deleted old archives"
    REDRIVE = "redrive", "asked to redrive"
    DISCARD = "discard", "discarded"
    EXPORT = "export", "exported"
    RETRY = "retry", "sent again"
    RUN = "run", "ran at once"


class AuditEntry(models.Model):
    """An action of an operator, with ids, counts and settings but no data of contacts.

    `object_type` is the kind of the object and `object_id` its primary key. The id of an erased
    contact is the contact's hash.
    """

    at = models.DateTimeField()
    actor = models.CharField(max_length=255, help_text="User name in the admin site, or user@host.")
    source = models.CharField(
        max_length=16, choices=(("admin", "admin site"), ("command", "command line"))
    )
    action = models.CharField(max_length=16, choices=AuditAction.choices)
    object_type = models.CharField(max_length=64)
    object_id = models.CharField(max_length=255)
    detail = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name_plural = "audit log"
        indexes = (
            models.Index(fields=("at",), name="audit_by_time"),
            models.Index(fields=("actor", "at"), name="audit_by_actor"),
            models.Index(fields=("action", "at"), name="audit_by_action"),
            models.Index(fields=("object_id", "at"), name="audit_by_object"),
        )

    def __str__(self) -> str:
        return f"{self.actor} {self.get_action_display()} {self.object_type} {self.object_id}"
