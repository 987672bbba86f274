"""Conversations, and their closings before they were reopened.

Django also finds the models of the app's other modules through this one.
"""

import uuid

from django.contrib.postgres.indexes import HashIndex, OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from apps.conversations import (  # noqa: F401 (Django imports only this module)
    audit_models,
    erasure_models,
    worker_models,
)
from apps.conversations.project_models import Project
from apps.conversations.span_models import NotedPlaces


class Resolution(models.IntegerChoices):
    """How a conversation ended. Every value but IN_PROGRESS means that it is closed."""

    RESOLVED = 0, _("Resolved")
    UNRESOLVED = 1, _("Unresolved")
    IN_PROGRESS = 2, _("In progress")
    UNCLASSIFIED = 3, _("Unclassified")
    HAS_CHAT_ROOM = 4, _("Has chat room")


CLOSED = tuple(value for value in Resolution.values if value != Resolution.IN_PROGRESS)


class Conversation(NotedPlaces):
    """One conversation of a contact with a project on a channel.

    `opened_at`, `ended_at`, `first_message_at` and `last_message_at` are queue times, independent
    of producers' clocks. The spans of a conversation determine which events belong to it.

    `closes_at` is the closing time in the project's time zone. `due_at` is when the conversation is
    next checked: at `closes_at`, earlier if it may be idle by then, or at once if an operator
    requested a change. The check runs in the conversation's group and decides what to do.
    """

    uuid = models.UUIDField(_("UUID"), primary_key=True, default=uuid.uuid4)
    # `opened_by_time` starts with the project; a second index would slow down every insert.
    project = models.ForeignKey(
        Project,
        on_delete=models.PROTECT,
        related_name="conversations",
        db_index=False,
        verbose_name=_("project"),
    )
    channel_uuid = models.UUIDField(_("channel UUID"))
    contact_urn = models.TextField(_("contact URN"))
    contact_name = models.TextField(_("contact name"), blank=True)
    group_id = models.CharField(
        _("group ID"),
        max_length=128,
        help_text=_("MessageGroupId as it arrived: the conversation's lock."),
    )
    external_id = models.TextField(
        _("external ID"), blank=True, help_text=_("ID of its newest window.")
    )
    # The time of the newest window, by its producer's clock, and its ids.
    window_start = models.DateTimeField(_("window start"), null=True, blank=True)
    window_end = models.DateTimeField(_("window end"), null=True, blank=True)
    ticket_uuid = models.TextField(_("ticket UUID"), blank=True, db_default="", default="")
    agent_uuid = models.TextField(_("agent UUID"), blank=True, db_default="", default="")
    started_at = models.DateTimeField(
        _("started at"), help_text=_("Time of the message that opened the conversation.")
    )
    opened_at = models.DateTimeField(
        _("opened at"), help_text=_("Queue time of the event that opened it.")
    )
    closes_at = models.DateTimeField(_("closes at"))
    postponed_from = models.DateTimeField(
        _("postponed from"),
        null=True,
        blank=True,
        help_text=_("First closing time that was postponed."),
    )
    due_at = models.DateTimeField(_("due at"), null=True, blank=True)
    close_requested_at = models.DateTimeField(
        _("close requested at"),
        null=True,
        blank=True,
        help_text=_("When its pointer on the queue was claimed."),
    )
    requested_resolution = models.PositiveSmallIntegerField(
        _("requested resolution"),
        choices=Resolution.choices,
        null=True,
        blank=True,
        help_text=_('Requested by an operator: a resolution, or "In progress" to reopen it.'),
    )
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    resolution = models.PositiveSmallIntegerField(
        _("resolution"), choices=Resolution.choices, default=Resolution.IN_PROGRESS
    )
    has_chats_room = models.BooleanField(_("has chat room"), default=False)
    csat = models.PositiveSmallIntegerField(_("CSAT"), null=True, blank=True)
    nps = models.PositiveSmallIntegerField(_("NPS"), null=True, blank=True)
    first_message_at = models.DateTimeField(_("first message at"), null=True, blank=True)
    last_message_at = models.DateTimeField(_("last message at"), null=True, blank=True)
    first_sent_at = models.DateTimeField(
        _("first sent at"),
        null=True,
        blank=True,
        help_text=_("Queue time of the first archived message to the contact."),
    )
    message_count = models.PositiveIntegerField(_("message count"), default=0)
    archived_at = models.DateTimeField(
        _("archived at"),
        null=True,
        blank=True,
        help_text=_("When all its messages were archived after closing."),
    )
    archive_check_at = models.DateTimeField(
        _("archive check at"),
        null=True,
        blank=True,
        help_text=_("When DynamoDB is next searched for its messages."),
    )
    archive_deleted_at = models.DateTimeField(
        _("archive deleted at"),
        null=True,
        blank=True,
        help_text=_("When retention last deleted its archive."),
    )
    messages_before_reopening = models.IntegerField(
        _("messages before reopening"),
        default=0,
        db_default=0,
        help_text=_("How many messages were archived when it was last reopened."),
    )

    class Meta:
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
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
            # Serves the closings of a period. It does not contain open conversations. It prevents
            # no HOT updates that `closed_of_contact`, which also contains `ended_at`, would allow.
            # The figures read their other columns from the table: if those were in the index,
            # archiving and scores would have to write it as well.
            models.Index(
                fields=("project", "ended_at"),
                condition=~Q(ended_at=None),
                name="closed_by_time",
            ),
            # Serves retention, which marks the conversations whose archives it deleted, so that it
            # never reads them again. The expression is `ended_at` in all its rows. No other index
            # has it: ordered by `ended_at`, PostgreSQL might prefer `closings_by_time`, which also
            # has the marked conversations.
            models.Index(
                "project",
                Coalesce("archive_deleted_at", "ended_at"),
                condition=~Q(ended_at=None) & Q(archive_deleted_at=None),
                name="archives_by_age",
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


class EarlierClosing(models.Model):
    """A closing of a conversation that was reopened later, as it was before the reopening.

    The figures of the day of the closing still count it.
    """

    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="earlier_closings"
    )
    # `earlier_closings_by_time` begins with the project.
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+", db_index=False)
    channel_uuid = models.UUIDField()
    ended_at = models.DateTimeField()
    resolution = models.PositiveSmallIntegerField(choices=Resolution.choices)
    written_at = models.DateTimeField(null=True)
    csat = models.PositiveSmallIntegerField(null=True)
    nps = models.PositiveSmallIntegerField(null=True)
    archived_at = models.DateTimeField(null=True)
    first_message_at = models.DateTimeField(null=True)
    last_message_at = models.DateTimeField(null=True)
    message_count = models.PositiveIntegerField()
    messages_before_reopening = models.PositiveIntegerField()

    class Meta:
        indexes = (models.Index(fields=("project", "ended_at"), name="earlier_closings_by_time"),)

    def __str__(self) -> str:
        return f"{self.conversation_id} {self.ended_at}"
