from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0017_windows"),
    ]

    operations = [
        migrations.AlterField(
            model_name="auditentry",
            name="action",
            field=models.CharField(
                choices=[
                    ("add", "added"),
                    ("change", "changed"),
                    ("delete", "deleted"),
                    ("close", "asked to close"),
                    ("reopen", "asked to reopen"),
                    ("read", "read messages of"),
                    ("erase", "asked to erase"),
                    ("retention", "deleted old data"),
                    ("redrive", "asked to redrive"),
                    ("discard", "discarded"),
                    ("export", "exported"),
                    ("retry", "sent again"),
                    ("run", "ran at once"),
                    ("login", "logged in as"),
                    ("login_failed", "failed to log in as"),
                ],
                max_length=16,
            ),
        ),
    ]
