from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    dependencies = [("conversation_messages", "0005_merged_places_and_deletions")]

    operations = [
        migrations.AddField(
            model_name="messagedeletion",
            name="recorded_at",
            field=models.DateTimeField(db_default=Now()),
        ),
        migrations.AlterField(
            model_name="messagedeletion", name="recorded_at", field=models.DateTimeField()
        ),
        migrations.AddIndex(
            model_name="messagedeletion",
            index=models.Index(
                models.F("recorded_at"),
                condition=models.Q(("conversation", None)),
                name="waiting_deletions_by_age",
            ),
        ),
    ]
