from django.db import migrations, models

from apps.common.concurrent_indexes import AddIndexWithoutBlocking


class Migration(migrations.Migration):
    # CREATE INDEX CONCURRENTLY does not block writes, and cannot run in a transaction.
    atomic = False

    dependencies = [("conversation_messages", "0003_lists")]

    operations = [
        AddIndexWithoutBlocking(
            model_name="deadletter",
            index=models.Index(fields=["collected_at"], name="dead_letters_by_age"),
        ),
    ]
