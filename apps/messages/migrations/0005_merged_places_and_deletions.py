import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("conversation_messages", "0004_dead_letters_by_age"),
        ("conversations", "0014_archives_by_age"),
    ]

    operations = [
        migrations.AddField(
            model_name="conversationmessages",
            name="merged_places",
            field=models.BinaryField(db_default=b"", default=bytes),
        ),
        migrations.CreateModel(
            name="MessageDeletion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("project_uuid", models.UUIDField()),
                ("channel_uuid", models.UUIDField()),
                ("contact_urn", models.TextField()),
                ("identity", models.TextField()),
                ("queue_time", models.DateTimeField()),
                ("sequence_number", models.DecimalField(decimal_places=0, max_digits=40)),
                ("group_id", models.CharField(max_length=128)),
                (
                    "conversation",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deletions",
                        to="conversations.conversation",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=(
                            "project_uuid",
                            "contact_urn",
                            "channel_uuid",
                            "group_id",
                            "sequence_number",
                        ),
                        name="one_deletion_per_place",
                    )
                ],
            },
        ),
    ]
