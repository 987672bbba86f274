import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("conversation_messages", "0008_redrive_refusal"),
        ("conversations", "0020_labels"),
    ]

    # Labels are not in the database.
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterModelOptions(
                    name="conversationmessages",
                    options={
                        "ordering": ("conversation", "part"),
                        "verbose_name": "conversation messages",
                        "verbose_name_plural": "conversation messages",
                    },
                ),
                migrations.AlterModelOptions(
                    name="deadletter",
                    options={"verbose_name": "dead letter", "verbose_name_plural": "dead letters"},
                ),
                migrations.AlterModelOptions(
                    name="producerproblem",
                    options={
                        "verbose_name": "producer problem",
                        "verbose_name_plural": "producer problems",
                    },
                ),
                migrations.AlterField(
                    model_name="conversationmessages",
                    name="conversation",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="archive_parts",
                        to="conversations.conversation",
                        verbose_name="conversation",
                    ),
                ),
                migrations.AlterField(
                    model_name="conversationmessages",
                    name="first_message_at",
                    field=models.DateTimeField(verbose_name="first message at"),
                ),
                migrations.AlterField(
                    model_name="conversationmessages",
                    name="first_position",
                    field=models.TextField(
                        help_text="Time and place of the first message.",
                        verbose_name="first position",
                    ),
                ),
                migrations.AlterField(
                    model_name="conversationmessages",
                    name="last_message_at",
                    field=models.DateTimeField(verbose_name="last message at"),
                ),
                migrations.AlterField(
                    model_name="conversationmessages",
                    name="message_count",
                    field=models.PositiveIntegerField(verbose_name="message count"),
                ),
                migrations.AlterField(
                    model_name="conversationmessages",
                    name="part",
                    field=models.PositiveIntegerField(verbose_name="part"),
                ),
                migrations.AlterField(
                    model_name="conversationmessages",
                    name="size",
                    field=models.PositiveIntegerField(
                        help_text="Bytes of JSON.", verbose_name="size"
                    ),
                ),
                migrations.AlterField(
                    model_name="deadletter",
                    name="attributes",
                    field=models.JSONField(
                        blank=True,
                        default=dict,
                        help_text="The event's own message attributes.",
                        verbose_name="attributes",
                    ),
                ),
                migrations.AlterField(
                    model_name="deadletter",
                    name="channel_uuid",
                    field=models.UUIDField(blank=True, null=True, verbose_name="channel uuid"),
                ),
                migrations.AlterField(
                    model_name="deadletter",
                    name="collected_at",
                    field=models.DateTimeField(verbose_name="collected at"),
                ),
                migrations.AlterField(
                    model_name="deadletter",
                    name="contact_urn",
                    field=models.TextField(blank=True, verbose_name="contact urn"),
                ),
                migrations.AlterField(
                    model_name="deadletter",
                    name="group_id",
                    field=models.CharField(max_length=128, verbose_name="group id"),
                ),
                migrations.AlterField(
                    model_name="deadletter",
                    name="message_id",
                    field=models.TextField(
                        help_text="Message id of the dead letter on the dead-letter queue.",
                        unique=True,
                        verbose_name="message id",
                    ),
                ),
                migrations.AlterField(
                    model_name="deadletter",
                    name="project_uuid",
                    field=models.UUIDField(blank=True, null=True, verbose_name="project uuid"),
                ),
                migrations.AlterField(
                    model_name="deadletter",
                    name="queue_time",
                    field=models.DateTimeField(
                        help_text="When the event was first queued.", verbose_name="queue time"
                    ),
                ),
                migrations.AlterField(
                    model_name="deadletter",
                    name="reason",
                    field=models.CharField(max_length=100, verbose_name="reason"),
                ),
                migrations.AlterField(
                    model_name="deadletter",
                    name="receive_count",
                    field=models.PositiveIntegerField(
                        help_text="How often the event was received.", verbose_name="receive count"
                    ),
                ),
                migrations.AlterField(
                    model_name="deadletter",
                    name="redrive_count",
                    field=models.PositiveIntegerField(default=0, verbose_name="redrive count"),
                ),
                migrations.AlterField(
                    model_name="deadletter",
                    name="redrive_refusal",
                    field=models.TextField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="Why the latest requested redrive was not possible; empty if it was.",
                        verbose_name="redrive refusal",
                    ),
                ),
                migrations.AlterField(
                    model_name="deadletter",
                    name="redrive_requested_at",
                    field=models.DateTimeField(
                        blank=True,
                        help_text="When an operator requested a redrive.",
                        null=True,
                        verbose_name="redrive requested at",
                    ),
                ),
                migrations.AlterField(
                    model_name="deadletter",
                    name="redriven_at",
                    field=models.DateTimeField(blank=True, null=True, verbose_name="redriven at"),
                ),
                migrations.AlterField(
                    model_name="deadletter",
                    name="sequence_number",
                    field=models.DecimalField(
                        decimal_places=0,
                        help_text="Sequence number of the event's first sending.",
                        max_digits=39,
                        verbose_name="sequence number",
                    ),
                ),
                migrations.AlterField(
                    model_name="deadletter",
                    name="source_message_id",
                    field=models.TextField(
                        blank=True,
                        help_text="Message id of the event on its own queue.",
                        verbose_name="source message id",
                    ),
                ),
                migrations.AlterField(
                    model_name="producerproblem",
                    name="day",
                    field=models.DateField(help_text="The day in UTC.", verbose_name="day"),
                ),
                migrations.AlterField(
                    model_name="producerproblem",
                    name="detail",
                    field=models.CharField(max_length=100, verbose_name="detail"),
                ),
                migrations.AlterField(
                    model_name="producerproblem",
                    name="events",
                    field=models.PositiveBigIntegerField(verbose_name="events"),
                ),
                migrations.AlterField(
                    model_name="producerproblem",
                    name="problem",
                    field=models.CharField(max_length=40, verbose_name="problem"),
                ),
                migrations.AlterField(
                    model_name="producerproblem",
                    name="project_uuid",
                    field=models.UUIDField(verbose_name="project uuid"),
                ),
            ],
        ),
    ]
