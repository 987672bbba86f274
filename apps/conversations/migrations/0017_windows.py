from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0016_attributed_events"),
    ]

    operations = [
        migrations.AlterField(
            model_name="conversation",
            name="external_id",
            field=models.TextField(blank=True, help_text="Id of its newest window."),
        ),
        migrations.AddField(
            model_name="conversation",
            name="window_start",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="conversation",
            name="window_end",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="conversation",
            name="ticket_uuid",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="conversation",
            name="agent_uuid",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
    ]
