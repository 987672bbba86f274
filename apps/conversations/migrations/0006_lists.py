import django.contrib.postgres.indexes
from django.db import migrations, models

from apps.common.concurrent_indexes import AddIndexWithoutBlocking


class Migration(migrations.Migration):
    # CREATE INDEX CONCURRENTLY cannot run in a transaction.
    atomic = False

    dependencies = [
        ("conversations", "0005_audit_log"),
    ]

    operations = [
        AddIndexWithoutBlocking(
            model_name="conversation",
            index=models.Index(fields=["opened_at"], name="conversations_by_time"),
        ),
        AddIndexWithoutBlocking(
            model_name="conversation",
            index=models.Index(fields=["resolution", "opened_at"], name="resolution_by_time"),
        ),
        AddIndexWithoutBlocking(
            model_name="conversation",
            index=models.Index(
                fields=["project", "resolution", "opened_at"], name="project_resolution_by_time"
            ),
        ),
        AddIndexWithoutBlocking(
            model_name="conversation",
            index=models.Index(
                models.F("opened_at"),
                condition=models.Q(
                    ("archived_at", None), models.Q(("resolution", 2), _negated=True)
                ),
                name="closed_not_archived",
            ),
        ),
        AddIndexWithoutBlocking(
            model_name="conversation",
            index=models.Index(
                models.F("opened_at"),
                condition=models.Q(("requested_resolution", None), _negated=True),
                name="conversation_wanted",
            ),
        ),
        AddIndexWithoutBlocking(
            model_name="conversation",
            index=models.Index(
                models.F("ended_at"),
                condition=models.Q(("ended_at", None), _negated=True),
                name="closings_by_time",
            ),
        ),
        AddIndexWithoutBlocking(
            model_name="conversation",
            index=models.Index(
                django.contrib.postgres.indexes.OpClass("contact_urn", name="text_pattern_ops"),
                name="contact_prefix",
            ),
        ),
        AddIndexWithoutBlocking(
            model_name="conversation",
            index=django.contrib.postgres.indexes.HashIndex(
                models.F("external_id"),
                condition=models.Q(("external_id", ""), _negated=True),
                name="by_external_id",
            ),
        ),
        AddIndexWithoutBlocking(
            model_name="erasure",
            index=models.Index(fields=["requested_at"], name="erasures_by_time"),
        ),
    ]
