import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("analytics", "0006_labels"),
        ("conversations", "0021_first_sent"),
    ]

    operations = [
        migrations.CreateModel(
            name="RollupMark",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("project_id", models.UUIDField()),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="RollupWatch",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("marked_until", models.DateTimeField()),
                ("settled_until", models.DateTimeField(null=True)),
                ("fence", models.BigIntegerField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="RollupState",
            fields=[
                (
                    "project",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="conversations.project",
                    ),
                ),
                ("timezone", models.CharField(max_length=64)),
                ("complete_before", models.DateField()),
            ],
        ),
        migrations.CreateModel(
            name="DailyRollup",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("channel_uuid", models.UUIDField(null=True)),
                ("day", models.DateField()),
                ("of_deleted", models.BooleanField(default=False)),
                (
                    "measures",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.SmallIntegerField(), size=None
                    ),
                ),
                (
                    "measured_values",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.IntegerField(), size=None
                    ),
                ),
                (
                    "numbers",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.IntegerField(), size=None
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="conversations.project",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["day"], name="rollups_by_day")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("project", "day", "channel_uuid", "of_deleted"),
                        name="rollup_of_day",
                    )
                ],
            },
        ),
    ]
