from django.db import migrations, models
from django.db.models import Q

from apps.common.concurrent_indexes import AddIndexWithoutBlocking


class Migration(migrations.Migration):
    # CREATE INDEX CONCURRENTLY does not block writes, and cannot run in a transaction.
    atomic = False

    dependencies = [
        ("analytics", "0004_lists"),
    ]

    operations = [
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
                help_text="Why the answer has no score; empty if it has one, or if its key has no "
                "scores.",
                max_length=100,
            ),
        ),
        AddIndexWithoutBlocking(
            model_name="surveyanswer",
            index=models.Index(
                condition=~Q(problem=""), fields=["answered_at"], name="scoreless_by_time"
            ),
        ),
        AddIndexWithoutBlocking(
            model_name="surveyanswer",
            index=models.Index(
                condition=~Q(problem=""),
                fields=["project", "answered_at"],
                name="scoreless_by_project",
            ),
        ),
    ]
