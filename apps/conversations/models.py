"""Projects, and the conversations that their contacts have."""

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
    return str(settings.DEFAULT_TIMEZONE)


def validate_timezone(name: str) -> None:
    """Raises ValidationError, naming the nearest, unless the tz database has this zone."""
    if not timezones.is_known(name):
        raise ValidationError(timezones.unknown_sentence(name))


class Project(models.Model):
    """A customer of the platform; made on first sight, with the default zone."""

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=255, blank=True)
    timezone = models.CharField(
        max_length=64, default=default_timezone, validators=[validate_timezone]
    )
    closing_time = models.TimeField(
        default=time(0, 0), help_text="Local time at which open conversations close."
    )
    idle_timeout = models.DurationField(
        null=True, blank=True, help_text="Close after this long without a message; empty: never."
    )
    archive_retention = models.DurationField(
        null=True,
        blank=True,
        help_text="Archived messages older than this may be deleted; empty: never.",
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

    Times of messages are their producers' `created_at`; `opened_at` and `ended_at` are times of
    the queue (SentTimestamp), so that events compare with them whatever a producer's clock says.

    `closes_at` is the closing time of its project's zone. `due_at` is when it has to be looked at:
    then, or earlier where a silent conversation closes before, or at once where somebody asked for
    a change. Whether anything is to be done is decided when it is looked at, in its group.
    """

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4)
    # Found by the project in `opened_by_time`: another index would cost every insert.
    project = models.ForeignKey(
        Project, on_delete=models.PROTECT, related_name="conversations", db_index=False
    )
    channel_uuid = models.UUIDField()
    contact_urn = models.TextField()
    contact_name = models.TextField(blank=True)
    group_id = models.CharField(
        max_length=128, help_text="The MessageGroupId as it arrived; the lock of the conversation."
    )
    external_id = models.TextField(blank=True)
    started_at = models.DateTimeField(help_text="Time of the message that opened it.")
    opened_at = models.DateTimeField(help_text="When the event that opened it was queued.")
    contact_wrote = models.BooleanField(
        default=False, help_text="The contact has written in it, not only the bot."
    )
    closes_at = models.DateTimeField()
    postponed_from = models.DateTimeField(
        null=True, blank=True, help_text="The closing that was put off, because it was in use."
    )
    due_at = models.DateTimeField(null=True, blank=True)
    close_requested_at = models.DateTimeField(
        null=True, blank=True, help_text="When the pointer on the queue was claimed to be sent."
    )
    requested_resolution = models.PositiveSmallIntegerField(
        choices=Resolution.choices,
        null=True,
        blank=True,
        help_text="What somebody asked for by hand: to close it so, or to reopen it.",
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
        null=True, blank=True, help_text="When its messages had all left DynamoDB after closing."
    )
    archive_check_at = models.DateTimeField(
        null=True, blank=True, help_text="When DynamoDB is next searched for messages of it."
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
            # Openings of a period, from the index alone. Written on opening and reopening only:
            # neither column changes otherwise, so no other update is kept from being HOT by it.
            models.Index(
                fields=("project", "opened_at"),
                include=("channel_uuid",),
                name="opened_by_time",
            ),
            # Closings of a period. Open conversations are not in it, and `closed_of_contact` has
            # `ended_at` already, so no update that was HOT stops to be. What else the figures need
            # is read from the rows: in the index it would make archiving and scores write it too.
            models.Index(
                fields=("project", "ended_at"),
                condition=~Q(ended_at=None),
                name="closed_by_time",
            ),
            # From here on they serve the admin's list: each thing that it filters and orders by.
            # The small ones have only what is wrong or waits. They cost what opens and what closes
            # an entry each, and messages nothing.
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
            # For beginnings, too, whatever the database's collation is.
            models.Index(OpClass("contact_urn", name="text_pattern_ops"), name="contact_prefix"),
            # A hash, because an id of any length is accepted, and a B-tree's entry has an end.
            HashIndex("external_id", condition=~Q(external_id=""), name="by_external_id"),
        )

    def __str__(self) -> str:
        return str(self.uuid)


class WorkerProbe(models.Model):
    """When a worker last probed PostgreSQL by committing this row."""

    worker = models.CharField(primary_key=True, max_length=255)
    probed_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.worker


class Erasure(models.Model):
    """Somebody asked for a contact to be erased: what is to be done, and what must not come back.

    There is one for each group in which the contact had conversations. Until it is done it names
    the contact; then it is only a tombstone, which knows the contact's hash: events of the contact
    that were queued up to `requested_at` take no effect any more.
    """

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="erasures")
    contact_hash = models.CharField(max_length=64)
    contact_urn = models.TextField(blank=True, help_text="Empty once it is done.")
    group_id = models.CharField(
        max_length=128, blank=True, help_text="Empty once it is done: it names the contact too."
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
    """What somebody did, or asked for."""

    ADD = "add", "added"
    CHANGE = "change", "changed"
    DELETE = "delete", "deleted"
    CLOSE = "close", "asked to close"
    REOPEN = "reopen", "asked to reopen"
    READ = "read", "read what was written"
    ERASE = "erase", "asked to erase"
    RETENTION = "retention", "deleted old archives"
    REDRIVE = "redrive", "asked to redrive"
    DISCARD = "discard", "discarded"
    EXPORT = "export", "exported"
    RETRY = "retry", "had sent again"
    RUN = "run", "had run at once"


class AuditEntry(models.Model):
    """Somebody did something, or asked for it. Ids, counts and settings; nothing about contacts.

    `object_type` is the name of what it was done to, `object_id` its primary key; of an erased
    contact it is the hash that stands for them.
    """

    at = models.DateTimeField()
    actor = models.CharField(
        max_length=255, help_text="Who signed in, or user@host of a command line."
    )
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
