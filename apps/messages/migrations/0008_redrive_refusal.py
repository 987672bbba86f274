from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversation_messages", "0007_producer_problems")]

    operations = [
        migrations.AddField(
            model_name="deadletter",
            name="redrive_refusal",
            field=models.TextField(
                blank=True,
                db_default="",
                default="",
                help_text="Why the latest requested redrive was not possible; empty if it was.",
            ),
        ),
    ]
