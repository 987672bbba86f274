import datetime
import uuid

import django.db.models.deletion
from django.db import migrations, models

import apps.conversations.project_models


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0019_view_status"),
    ]

    # Labels are not in the database.
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterModelOptions(
                    name="auditentry",
                    options={"verbose_name": "audit entry", "verbose_name_plural": "audit log"},
                ),
                migrations.AlterModelOptions(
                    name="conversation",
                    options={
                        "verbose_name": "conversation",
                        "verbose_name_plural": "conversations",
                    },
                ),
                migrations.AlterModelOptions(
                    name="erasure",
                    options={"verbose_name": "erasure", "verbose_name_plural": "erasures"},
                ),
                migrations.AlterModelOptions(
                    name="project",
                    options={"verbose_name": "project", "verbose_name_plural": "projects"},
                ),
                migrations.AlterField(
                    model_name="auditentry",
                    name="action",
                    field=models.CharField(
                        choices=[
                            ("add", "added"),
                            ("change", "changed"),
                            ("delete", "deleted"),
                            ("close", "asked to close"),
                            ("reopen", "asked to reopen"),
                            ("read", "read messages of"),
                            ("erase", "asked to erase"),
                            ("retention", "deleted old data"),
                            ("redrive", "asked to redrive"),
                            ("discard", "discarded"),
                            ("export", "exported"),
                            ("retry", "sent again"),
                            ("run", "ran at once"),
                            ("login", "logged in as"),
                            ("login_failed", "failed to log in as"),
                        ],
                        max_length=16,
                        verbose_name="action",
                    ),
                ),
                migrations.AlterField(
                    model_name="auditentry",
                    name="actor",
                    field=models.CharField(
                        help_text="User name in the admin site, or user@host.",
                        max_length=255,
                        verbose_name="actor",
                    ),
                ),
                migrations.AlterField(
                    model_name="auditentry",
                    name="at",
                    field=models.DateTimeField(verbose_name="at"),
                ),
                migrations.AlterField(
                    model_name="auditentry",
                    name="detail",
                    field=models.JSONField(blank=True, default=dict, verbose_name="detail"),
                ),
                migrations.AlterField(
                    model_name="auditentry",
                    name="object_id",
                    field=models.CharField(max_length=255, verbose_name="object id"),
                ),
                migrations.AlterField(
                    model_name="auditentry",
                    name="object_type",
                    field=models.CharField(max_length=64, verbose_name="object type"),
                ),
                migrations.AlterField(
                    model_name="auditentry",
                    name="source",
                    field=models.CharField(
                        choices=[("admin", "admin site"), ("command", "command line")],
                        max_length=16,
                        verbose_name="source",
                    ),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="agent_uuid",
                    field=models.TextField(
                        blank=True, db_default="", default="", verbose_name="agent uuid"
                    ),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="archive_check_at",
                    field=models.DateTimeField(
                        blank=True,
                        help_text="When DynamoDB is next searched for its messages.",
                        null=True,
                        verbose_name="archive check at",
                    ),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="archive_deleted_at",
                    field=models.DateTimeField(
                        blank=True,
                        help_text="When retention last deleted its archive.",
                        null=True,
                        verbose_name="archive deleted at",
                    ),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="archived_at",
                    field=models.DateTimeField(
                        blank=True,
                        help_text="When all its messages were archived after closing.",
                        null=True,
                        verbose_name="archived at",
                    ),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="channel_uuid",
                    field=models.UUIDField(verbose_name="channel uuid"),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="close_requested_at",
                    field=models.DateTimeField(
                        blank=True,
                        help_text="When its pointer on the queue was claimed.",
                        null=True,
                        verbose_name="close requested at",
                    ),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="closes_at",
                    field=models.DateTimeField(verbose_name="closes at"),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="contact_name",
                    field=models.TextField(blank=True, verbose_name="contact name"),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="contact_urn",
                    field=models.TextField(verbose_name="contact urn"),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="csat",
                    field=models.PositiveSmallIntegerField(
                        blank=True, null=True, verbose_name="csat"
                    ),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="due_at",
                    field=models.DateTimeField(blank=True, null=True, verbose_name="due at"),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="ended_at",
                    field=models.DateTimeField(blank=True, null=True, verbose_name="ended at"),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="external_id",
                    field=models.TextField(
                        blank=True, help_text="Id of its newest window.", verbose_name="external id"
                    ),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="first_message_at",
                    field=models.DateTimeField(
                        blank=True, null=True, verbose_name="first message at"
                    ),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="group_id",
                    field=models.CharField(
                        help_text="MessageGroupId as it arrived: the conversation's lock.",
                        max_length=128,
                        verbose_name="group id",
                    ),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="has_chats_room",
                    field=models.BooleanField(default=False, verbose_name="has chats room"),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="last_message_at",
                    field=models.DateTimeField(
                        blank=True, null=True, verbose_name="last message at"
                    ),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="message_count",
                    field=models.PositiveIntegerField(default=0, verbose_name="message count"),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="messages_before_reopening",
                    field=models.IntegerField(
                        db_default=0,
                        default=0,
                        help_text="How many messages were archived when it was last reopened.",
                        verbose_name="messages before reopening",
                    ),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="newest_at",
                    field=models.DateTimeField(
                        blank=True,
                        help_text="Queue time of the newest archived message of the conversation's own group.",
                        null=True,
                        verbose_name="newest at",
                    ),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="newest_sequence",
                    field=models.DecimalField(
                        blank=True,
                        decimal_places=0,
                        max_digits=40,
                        null=True,
                        verbose_name="newest sequence",
                    ),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="nps",
                    field=models.PositiveSmallIntegerField(
                        blank=True, null=True, verbose_name="nps"
                    ),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="opened_at",
                    field=models.DateTimeField(
                        help_text="Queue time of the event that opened it.",
                        verbose_name="opened at",
                    ),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="postponed_from",
                    field=models.DateTimeField(
                        blank=True,
                        help_text="First closing time that was postponed.",
                        null=True,
                        verbose_name="postponed from",
                    ),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="project",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="conversations",
                        to="conversations.project",
                        verbose_name="project",
                    ),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="requested_resolution",
                    field=models.PositiveSmallIntegerField(
                        blank=True,
                        choices=[
                            (0, "Resolved"),
                            (1, "Unresolved"),
                            (2, "In progress"),
                            (3, "Unclassified"),
                            (4, "Has chat room"),
                        ],
                        help_text='Requested by an operator: a resolution, or "In progress" to reopen it.',
                        null=True,
                        verbose_name="requested resolution",
                    ),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="resolution",
                    field=models.PositiveSmallIntegerField(
                        choices=[
                            (0, "Resolved"),
                            (1, "Unresolved"),
                            (2, "In progress"),
                            (3, "Unclassified"),
                            (4, "Has chat room"),
                        ],
                        default=2,
                        verbose_name="resolution",
                    ),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="started_at",
                    field=models.DateTimeField(
                        help_text="Time of the message that opened the conversation.",
                        verbose_name="started at",
                    ),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="ticket_uuid",
                    field=models.TextField(
                        blank=True, db_default="", default="", verbose_name="ticket uuid"
                    ),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="uuid",
                    field=models.UUIDField(
                        default=uuid.uuid4, primary_key=True, serialize=False, verbose_name="uuid"
                    ),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="window_at",
                    field=models.DateTimeField(
                        blank=True,
                        help_text="Queue time of the newest conversation window.",
                        null=True,
                        verbose_name="window at",
                    ),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="window_end",
                    field=models.DateTimeField(blank=True, null=True, verbose_name="window end"),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="window_group",
                    field=models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        max_length=128,
                        verbose_name="window group",
                    ),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="window_sequence",
                    field=models.DecimalField(
                        blank=True,
                        decimal_places=0,
                        max_digits=40,
                        null=True,
                        verbose_name="window sequence",
                    ),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="window_start",
                    field=models.DateTimeField(blank=True, null=True, verbose_name="window start"),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="written_at",
                    field=models.DateTimeField(
                        blank=True,
                        help_text="Queue time of the first message from the contact.",
                        null=True,
                        verbose_name="written at",
                    ),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="written_group",
                    field=models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        max_length=128,
                        verbose_name="written group",
                    ),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="written_sequence",
                    field=models.DecimalField(
                        blank=True,
                        decimal_places=0,
                        max_digits=40,
                        null=True,
                        verbose_name="written sequence",
                    ),
                ),
                migrations.AlterField(
                    model_name="erasure",
                    name="erased_at",
                    field=models.DateTimeField(blank=True, null=True, verbose_name="erased at"),
                ),
                migrations.AlterField(
                    model_name="erasure",
                    name="project",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="erasures",
                        to="conversations.project",
                        verbose_name="project",
                    ),
                ),
                migrations.AlterField(
                    model_name="erasure",
                    name="removed",
                    field=models.JSONField(blank=True, default=dict, verbose_name="removed"),
                ),
                migrations.AlterField(
                    model_name="erasure",
                    name="requested_at",
                    field=models.DateTimeField(verbose_name="requested at"),
                ),
                migrations.AlterField(
                    model_name="erasure",
                    name="search_at",
                    field=models.DateTimeField(
                        blank=True,
                        help_text="When DynamoDB is searched once more.",
                        null=True,
                        verbose_name="search at",
                    ),
                ),
                migrations.AlterField(
                    model_name="erasure",
                    name="uuid",
                    field=models.UUIDField(
                        default=uuid.uuid4, primary_key=True, serialize=False, verbose_name="uuid"
                    ),
                ),
                migrations.AlterField(
                    model_name="project",
                    name="archive_retention",
                    field=models.DurationField(
                        blank=True,
                        default=apps.conversations.project_models.default_archive_retention,
                        help_text="Age after which archived messages are deleted, such as 90d. Empty: never.",
                        null=True,
                        verbose_name="archive retention",
                    ),
                ),
                migrations.AlterField(
                    model_name="project",
                    name="closing_time",
                    field=models.TimeField(
                        default=datetime.time(0, 0),
                        help_text="Local time at which open conversations close.",
                        verbose_name="closing time",
                    ),
                ),
                migrations.AlterField(
                    model_name="project",
                    name="idle_timeout",
                    field=models.DurationField(
                        blank=True,
                        help_text="Time without a message after which a conversation closes. Empty: never.",
                        null=True,
                        verbose_name="idle timeout",
                    ),
                ),
                migrations.AlterField(
                    model_name="project",
                    name="name",
                    field=models.CharField(blank=True, max_length=255, verbose_name="name"),
                ),
                migrations.AlterField(
                    model_name="project",
                    name="timezone",
                    field=models.CharField(
                        default=apps.conversations.project_models.default_timezone,
                        max_length=64,
                        validators=[apps.conversations.project_models.validate_timezone],
                        verbose_name="timezone",
                    ),
                ),
                migrations.AlterField(
                    model_name="project",
                    name="uuid",
                    field=models.UUIDField(
                        default=uuid.uuid4, primary_key=True, serialize=False, verbose_name="uuid"
                    ),
                ),
            ],
        ),
    ]
