from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0020_labels"),
    ]

    operations = [
        migrations.AddField(
            model_name="conversation",
            name="first_sent_at",
            field=models.DateTimeField(
                blank=True,
                help_text="Queue time of the first archived message to the contact.",
                null=True,
                verbose_name="first sent at",
            ),
        ),
    ]
