from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0004_figures"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                (
                    "actor",
                    models.CharField(
                        help_text="User name in the admin site, or user@host.", max_length=255
                    ),
                ),
                (
                    "source",
                    models.CharField(
                        choices=[("admin", "admin site"), ("command", "command line")],
                        max_length=16,
                    ),
                ),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("add", "added"),
                            ("change", "changed"),
                            ("delete", "deleted"),
                            ("close", "asked to close"),
                            ("reopen", "asked to reopen"),
                            ("read", "read messages of"),
                            ("erase", "asked to erase"),
                            ("retention", "deleted old archives"),
                            ("redrive", "asked to redrive"),
                            ("discard", "discarded"),
                            ("export", "exported"),
                            ("retry", "sent again"),
                            ("run", "ran at once"),
                        ],
                        max_length=16,
                    ),
                ),
                ("object_type", models.CharField(max_length=64)),
                ("object_id", models.CharField(max_length=255)),
                ("detail", models.JSONField(blank=True, default=dict)),
            ],
            options={
                "verbose_name_plural": "audit log",
            },
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["at"], name="audit_by_time"),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["actor", "at"], name="audit_by_actor"),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["action", "at"], name="audit_by_action"),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["object_id", "at"], name="audit_by_object"),
        ),
    ]
