from datetime import timedelta

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

import apps.conversations.project_models

# The admin site took "365" for seconds, and zero and negative values. Nobody can know what was
# meant, so these projects keep their archives until somebody sets a retention.
DROP_IMPOSSIBLE = """
UPDATE conversations_project SET archive_retention = NULL
WHERE archive_retention < interval '1 day'
"""


class Migration(migrations.Migration):
    dependencies = [("conversations", "0012_find_or_open")]

    operations = [
        migrations.CreateModel(
            name="EarlierClosing",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("channel_uuid", models.UUIDField()),
                ("ended_at", models.DateTimeField()),
                (
                    "resolution",
                    models.PositiveSmallIntegerField(
                        choices=[
                            (0, "Resolved"),
                            (1, "Unresolved"),
                            (2, "In progress"),
                            (3, "Unclassified"),
                            (4, "Has chat room"),
                        ]
                    ),
                ),
                ("written_at", models.DateTimeField(null=True)),
                ("csat", models.PositiveSmallIntegerField(null=True)),
                ("nps", models.PositiveSmallIntegerField(null=True)),
                ("archived_at", models.DateTimeField(null=True)),
                ("first_message_at", models.DateTimeField(null=True)),
                ("last_message_at", models.DateTimeField(null=True)),
                ("message_count", models.PositiveIntegerField()),
                ("messages_before_reopening", models.PositiveIntegerField()),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="earlier_closings",
                        to="conversations.conversation",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="conversations.project",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["project", "ended_at"], name="earlier_closings_by_time")
                ],
            },
        ),
        migrations.AddField(
            model_name="conversation",
            name="archive_deleted_at",
            field=models.DateTimeField(
                blank=True, help_text="When retention last deleted its archive.", null=True
            ),
        ),
        migrations.AddField(
            model_name="conversation",
            name="messages_before_reopening",
            # A positive field has a check, for which PostgreSQL would scan the locked table.
            field=models.IntegerField(
                db_default=0,
                default=0,
                help_text="How many messages were archived when it was last reopened.",
            ),
        ),
        migrations.AlterField(
            model_name="project",
            name="archive_retention",
            field=models.DurationField(
                blank=True,
                default=apps.conversations.project_models.default_archive_retention,
                help_text="Age after which archived messages are deleted, such as 90d. Empty: "
                "never.",
                null=True,
            ),
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
                ],
                max_length=16,
            ),
        ),
        migrations.RunSQL(DROP_IMPOSSIBLE, reverse_sql=migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="project",
            constraint=models.CheckConstraint(
                condition=Q(archive_retention=None) | Q(archive_retention__gte=timedelta(days=1)),
                name="archive_retention_of_a_day_or_more",
            ),
        ),
    ]
