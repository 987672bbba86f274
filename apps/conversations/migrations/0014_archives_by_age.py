from django.db import migrations, models
from django.db.models import Q
from django.db.models.functions import Coalesce

from apps.common.concurrent_indexes import AddIndexWithoutBlocking


class Migration(migrations.Migration):
    # CREATE INDEX CONCURRENTLY does not block writes, and cannot run in a transaction.
    atomic = False

    dependencies = [("conversations", "0013_retention")]

    operations = [
        AddIndexWithoutBlocking(
            model_name="conversation",
            index=models.Index(
                "project",
                Coalesce("archive_deleted_at", "ended_at"),
                condition=~Q(ended_at=None) & Q(archive_deleted_at=None),
                name="archives_by_age",
            ),
        ),
    ]
