import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("analytics", "0005_answers_without_score"),
        ("conversations", "0020_labels"),
    ]

    # Labels are not in the database.
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterModelOptions(
                    name="outboxevent",
                    options={
                        "verbose_name": "outbox event",
                        "verbose_name_plural": "outbox events",
                    },
                ),
                migrations.AlterModelOptions(
                    name="surveyanswer",
                    options={
                        "verbose_name": "survey answer",
                        "verbose_name_plural": "survey answers",
                    },
                ),
                migrations.AlterField(
                    model_name="outboxevent",
                    name="answer",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="outbox_events",
                        to="analytics.surveyanswer",
                        verbose_name="answer",
                    ),
                ),
                migrations.AlterField(
                    model_name="outboxevent",
                    name="created_at",
                    field=models.DateTimeField(verbose_name="created at"),
                ),
                migrations.AlterField(
                    model_name="outboxevent",
                    name="delivered_at",
                    field=models.DateTimeField(blank=True, null=True, verbose_name="delivered at"),
                ),
                migrations.AlterField(
                    model_name="outboxevent",
                    name="event_id",
                    field=models.UUIDField(
                        default=uuid.uuid4, unique=True, verbose_name="event id"
                    ),
                ),
                migrations.AlterField(
                    model_name="outboxevent",
                    name="refusal",
                    field=models.TextField(
                        blank=True,
                        help_text="Why the data lake refuses the event permanently; empty if it does not.",
                        verbose_name="refusal",
                    ),
                ),
                migrations.AlterField(
                    model_name="surveyanswer",
                    name="answered_at",
                    field=models.DateTimeField(verbose_name="answered at"),
                ),
                migrations.AlterField(
                    model_name="surveyanswer",
                    name="channel_uuid",
                    field=models.UUIDField(verbose_name="channel uuid"),
                ),
                migrations.AlterField(
                    model_name="surveyanswer",
                    name="contact_urn",
                    field=models.TextField(verbose_name="contact urn"),
                ),
                migrations.AlterField(
                    model_name="surveyanswer",
                    name="conversation",
                    field=models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="survey_answers",
                        to="conversations.conversation",
                        verbose_name="conversation",
                    ),
                ),
                migrations.AlterField(
                    model_name="surveyanswer",
                    name="correlation_id",
                    field=models.TextField(blank=True, verbose_name="correlation id"),
                ),
                migrations.AlterField(
                    model_name="surveyanswer",
                    name="group_id",
                    field=models.CharField(max_length=128, verbose_name="group id"),
                ),
                migrations.AlterField(
                    model_name="surveyanswer",
                    name="is_replaced",
                    field=models.BooleanField(
                        default=False,
                        help_text="Whether the conversation has a newer answer with the same key.",
                        verbose_name="is replaced",
                    ),
                ),
                migrations.AlterField(
                    model_name="surveyanswer",
                    name="key",
                    field=models.CharField(max_length=255, verbose_name="key"),
                ),
                migrations.AlterField(
                    model_name="surveyanswer",
                    name="lake_event_ids",
                    field=django.contrib.postgres.fields.ArrayField(
                        base_field=models.UUIDField(),
                        db_default=[],
                        default=list,
                        help_text="The ids of all events of this answer for the data lake.",
                        size=None,
                        verbose_name="lake event ids",
                    ),
                ),
                migrations.AlterField(
                    model_name="surveyanswer",
                    name="message_id",
                    field=models.TextField(verbose_name="message id"),
                ),
                migrations.AlterField(
                    model_name="surveyanswer",
                    name="problem",
                    field=models.CharField(
                        blank=True,
                        choices=[
                            ("missing", "no value"),
                            ("not_a_number", "not a number"),
                            ("not_whole", "not a whole number"),
                            ("out_of_range", "out of range"),
                        ],
                        db_default="",
                        default="",
                        help_text="Why the answer has no score; empty if it has one, or if its key has no scores.",
                        max_length=100,
                        verbose_name="problem",
                    ),
                ),
                migrations.AlterField(
                    model_name="surveyanswer",
                    name="project",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="survey_answers",
                        to="conversations.project",
                        verbose_name="project",
                    ),
                ),
                migrations.AlterField(
                    model_name="surveyanswer",
                    name="score",
                    field=models.PositiveSmallIntegerField(
                        blank=True, null=True, verbose_name="score"
                    ),
                ),
                migrations.AlterField(
                    model_name="surveyanswer",
                    name="sequence_number",
                    field=models.DecimalField(
                        decimal_places=0, max_digits=40, verbose_name="sequence number"
                    ),
                ),
                migrations.AlterField(
                    model_name="surveyanswer",
                    name="value",
                    field=models.TextField(verbose_name="value"),
                ),
            ],
        ),
    ]
