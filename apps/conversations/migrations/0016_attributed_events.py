from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        # Renaming a model reads the model of content types, which must be that of the table.
        ("contenttypes", "0002_remove_content_type_name"),
        ("conversations", "0015_erasure_searches"),
    ]

    operations = [
        migrations.RenameModel(old_name="AttributedAnswer", new_name="AttributedEvent"),
        migrations.RemoveConstraint(
            model_name="attributedevent", name="one_attribution_per_answer"
        ),
        migrations.AddConstraint(
            model_name="attributedevent",
            constraint=models.UniqueConstraint(
                fields=("project", "channel_uuid", "contact_urn", "group_id", "sequence_number"),
                name="one_attribution_per_event",
            ),
        ),
    ]
