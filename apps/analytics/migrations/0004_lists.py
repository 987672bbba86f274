import django.contrib.postgres.indexes
from django.db import migrations, models

from apps.common.live_indexes import AddIndexOnLiveTable


class Migration(migrations.Migration):
    # CREATE INDEX CONCURRENTLY does not block writes, and cannot run in a transaction.
    atomic = False

    dependencies = [
        ("analytics", "0003_figures"),
        ("conversations", "0005_audit_log"),
    ]

    operations = [
        AddIndexOnLiveTable(
            model_name="outboxevent",
            index=models.Index(
                models.F("id"),
                condition=models.Q(("refusal", ""), _negated=True),
                name="outbox_refused",
            ),
        ),
        AddIndexOnLiveTable(
            model_name="surveyanswer",
            index=models.Index(fields=["answered_at"], name="answers_by_time"),
        ),
        AddIndexOnLiveTable(
            model_name="surveyanswer",
            index=models.Index(fields=["key", "answered_at"], name="answers_by_key"),
        ),
        AddIndexOnLiveTable(
            model_name="surveyanswer",
            index=models.Index(fields=["project", "answered_at"], name="answers_by_project"),
        ),
        AddIndexOnLiveTable(
            model_name="surveyanswer",
            index=django.contrib.postgres.indexes.HashIndex(
                fields=["contact_urn"], name="answers_by_contact"
            ),
        ),
    ]
