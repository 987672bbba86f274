from django.db import migrations, models

from apps.common.concurrent_indexes import AddIndexWithoutBlocking


class Migration(migrations.Migration):
    # CREATE INDEX CONCURRENTLY does not block writes, and cannot run in a transaction.
    atomic = False

    dependencies = [
        ("conversation_messages", "0002_dead_letters"),
    ]

    operations = [
        AddIndexWithoutBlocking(
            model_name="deadletter",
            index=models.Index(
                models.F("queue_time"),
                models.F("id"),
                condition=models.Q(("redriven_at", None)),
                name="dead_letters_waiting",
            ),
        ),
        AddIndexWithoutBlocking(
            model_name="deadletter",
            index=models.Index(
                models.F("queue_time"),
                models.F("id"),
                condition=models.Q(("redriven_at", None), _negated=True),
                name="dead_letters_redriven",
            ),
        ),
    ]
