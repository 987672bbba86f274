from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0018_audited_logins"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="workerheartbeat",
            options={"permissions": (("view_status", "Can view the status of the service"),)},
        ),
    ]
