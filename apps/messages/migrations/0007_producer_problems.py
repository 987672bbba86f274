from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversation_messages", "0006_waiting_deletions")]

    operations = [
        migrations.CreateModel(
            name="ProducerProblem",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("project_uuid", models.UUIDField()),
                ("day", models.DateField(help_text="The day in UTC.")),
                ("problem", models.CharField(max_length=40)),
                ("detail", models.CharField(max_length=100)),
                ("events", models.PositiveBigIntegerField()),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["project_uuid", "day"], name="producer_problems_of_project"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("day", "project_uuid", "problem", "detail"),
                        name="producer_problems_unique",
                    )
                ],
            },
        ),
    ]
