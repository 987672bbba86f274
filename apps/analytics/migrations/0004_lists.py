import django.contrib.postgres.indexes
from django.db import migrations, models

from apps.common.concurrent_indexes import AddIndexWithoutBlocking


class Migration(migrations.Migration):
    # CREATE INDEX CONCURRENTLY does not block writes, and cannot run in a transaction.
    atomic = False

    dependencies = [
        ("analytics", "0003_figures"),
        ("conversations", "0005_audit_log"),
    ]

    operations = [
        AddIndexWithoutBlocking(
            model_name="outboxevent",
            index=models.Index(
                models.F("id"),
                condition=models.Q(("refusal", ""), _negated=True),
                name="outbox_refused",
            ),
        ),
        AddIndexWithoutBlocking(
            model_name="surveyanswer",
            index=models.Index(fields=["answered_at"], name="answers_by_time"),
        ),
        AddIndexWithoutBlocking(
            model_name="surveyanswer",
            index=models.Index(fields=["key", "answered_at"], name="answers_by_key"),
        ),
        AddIndexWithoutBlocking(
            model_name="surveyanswer",
            index=models.Index(fields=["project", "answered_at"], name="answers_by_project"),
        ),
        AddIndexWithoutBlocking(
            model_name="surveyanswer",
            index=django.contrib.postgres.indexes.HashIndex(
                fields=["contact_urn"], name="answers_by_contact"
            ),
        ),
    ]
