"""Erasures with a place on the queue, and the function that says which events precede one."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
from django.db import migrations, models

# Returns whether an event of a contact was queued before an erasure of the contact. Within the
# message group of the erasure's pointer sequence numbers decide, between groups queue times do. The
# rows have only hashes of the contact and of the group. A pending erasure has no mark.
#
# 0012_find_or_open calls it, and explains the settings of the functions and the versions in their
# names.
IS_ERASED = """
CREATE FUNCTION conversations_is_erased_v1 (
    of_project uuid, of_contact text,
    place_time timestamptz, place_sequence numeric, place_group_hash text
) RETURNS bool
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan
AS $function$
BEGIN
    RETURN EXISTS (
        SELECT FROM conversations_erasure
        WHERE project_id = of_project AND contact_hash = of_contact AND CASE
            WHEN mark_group_hash = place_group_hash THEN place_sequence < mark_sequence
            ELSE place_time <= mark_at
        END
    );
END
$function$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0014_archives_by_age"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="erasure",
            name="one_pending_erasure_per_group",
        ),
        migrations.RemoveIndex(
            model_name="erasure",
            name="erasures_of_contact",
        ),
        migrations.RemoveField(
            model_name="erasure",
            name="group_id",
        ),
        migrations.AddField(
            model_name="erasure",
            name="group_ids",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=128),
                blank=True,
                default=list,
                help_text="Empty after the erasure, because they name the contact.",
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="erasure",
            name="group_hashes",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=64), blank=True, default=list, size=None
            ),
        ),
        migrations.AddField(
            model_name="erasure",
            name="mark_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="erasure",
            name="mark_sequence",
            field=models.DecimalField(blank=True, decimal_places=0, max_digits=40, null=True),
        ),
        migrations.AddField(
            model_name="erasure",
            name="mark_group_hash",
            field=models.CharField(blank=True, default="", max_length=64),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="erasure",
            name="conversation_uuids",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.UUIDField(), blank=True, db_default=[], default=list, size=None
            ),
        ),
        migrations.AddField(
            model_name="erasure",
            name="search_at",
            field=models.DateTimeField(
                blank=True, help_text="When DynamoDB is searched once more.", null=True
            ),
        ),
        migrations.AddConstraint(
            model_name="erasure",
            constraint=models.UniqueConstraint(
                condition=models.Q(("erased_at", None)),
                fields=("project", "contact_hash"),
                name="one_pending_erasure_per_contact",
            ),
        ),
        migrations.AddIndex(
            model_name="erasure",
            index=models.Index(fields=["project", "contact_hash"], name="erasures_of_contact"),
        ),
        migrations.AddIndex(
            model_name="erasure",
            index=models.Index(
                models.F("search_at"),
                condition=models.Q(("search_at", None), _negated=True),
                name="erasure_search_due",
            ),
        ),
        migrations.AddIndex(
            model_name="erasure",
            index=django.contrib.postgres.indexes.GinIndex(
                fields=["group_hashes"], name="erasures_of_group"
            ),
        ),
        migrations.RunSQL(IS_ERASED, "DROP FUNCTION conversations_is_erased_v1"),
    ]
