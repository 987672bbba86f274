"""Migrations that are unsafe, with the rule that each breaks, and migrations that are safe."""

from tests.upgrade.release import Release

_TEMPLATE = """
from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import migrations, models

from apps.common.concurrent_indexes import AddIndexWithoutBlocking


class Migration(migrations.Migration):
    atomic = {atomic}
    dependencies = [("conversations", "{newest}")]
    operations = [{operation}]
"""
_FUNCTION = """
    FUNCTION sample_v1() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$
"""

# By name: the operation, and the rule that it breaks.
UNSAFE = {
    "required_column": (
        'migrations.AddField("conversation", "one", models.TextField())',
        "adding-required-field",
    ),
    # Django drops the default when the present rows have it.
    "default_only_in_django": (
        'migrations.AddField("conversation", "two", models.TextField(default=""))',
        "ban-drop-default",
    ),
    "blocking_index": (
        'migrations.AddIndex("conversation", models.Index(fields=["written_at"], name="three"))',
        "require-concurrent-index-creation",
    ),
    "blocking_index_of_a_field": (
        'migrations.AddField("conversation", "four", models.TextField(null=True, db_index=True))',
        "require-concurrent-index-creation",
    ),
    "valid_constraint": (
        'migrations.AddConstraint("conversation", models.CheckConstraint('
        'condition=models.Q(message_count__gte=0), name="five"))',
        "constraint-missing-not-valid",
    ),
    "unique_constraint": (
        'migrations.AddConstraint("conversation", models.UniqueConstraint('
        'fields=["message_count"], name="six"))',
        "disallowed-unique-constraint",
    ),
    "foreign_key": (
        'migrations.AddField("conversation", "seven", models.ForeignKey("conversations.project", '
        "models.CASCADE, null=True, db_index=False))",
        "adding-foreign-key-constraint",
    ),
    "not_null": (
        'migrations.AlterField("conversation", "four", models.TextField(null=False, default=""))',
        "adding-not-nullable-field",
    ),
    "other_type": (
        'migrations.AlterField("conversation", "s1", models.IntegerField(null=True))',
        "changing-column-type",
    ),
    "renamed_column": (
        'migrations.RenameField("conversation", "one", "eight")',
        "renaming-column",
    ),
    "dropped_column": (
        'migrations.RemoveField("conversation", "two")',
        "ban-drop-column",
    ),
    "blocking_removal_of_an_index": (
        'migrations.RemoveIndex("conversation", "three")',
        "require-concurrent-index-deletion",
    ),
    "renamed_table": (
        'migrations.AlterModelTable("auditentry", "nine")',
        "renaming-table",
    ),
    "dropped_table": (
        'migrations.DeleteModel("auditentry")',
        "ban-drop-table",
    ),
    "replaced_function": (
        f'migrations.RunSQL("""CREATE OR REPLACE {_FUNCTION}""")',
        "replaced-object",
    ),
    "dropped_function": (
        'migrations.RunSQL("DROP FUNCTION sample_v1")',
        "ban-drop-function",
    ),
    "blocking_index_in_sql": (
        'migrations.RunSQL("CREATE INDEX ten ON conversations_conversation (written_at)")',
        "require-concurrent-index-creation",
    ),
    "all_rows": (
        'migrations.RunSQL("UPDATE conversations_conversation SET message_count = 0")',
        "rows-in-one-statement",
    ),
    "python": (
        "migrations.RunPython(migrations.RunPython.noop)",
        "not-sql",
    ),
}
# By name: whether it runs in a transaction, and the operation.
SAFE = {
    "column_without_value": (
        True,
        'migrations.AddField("conversation", "s1", models.TextField(null=True))',
    ),
    "default_in_the_database": (
        True,
        'migrations.AddField("conversation", "s2", models.TextField(default="", db_default=""))',
    ),
    "concurrent_index": (
        False,
        'AddIndexWithoutBlocking("conversation", models.Index(fields=["s1"], name="s3"))',
    ),
    "constraint_for_new_rows": (
        True,
        'AddConstraintNotValid("conversation", models.CheckConstraint('
        'condition=models.Q(message_count__gte=0), name="s4"))',
    ),
    "constraint_for_all_rows": (True, 'ValidateConstraint("conversation", "s4")'),
    "table": (
        True,
        'migrations.CreateModel("Sample", [("id", models.BigAutoField(primary_key=True)), '
        '("note", models.CharField(max_length=9, db_index=True))])',
    ),
    "next_version_of_a_function": (
        True,
        f'migrations.RunSQL("""CREATE {_FUNCTION.replace("v1", "v2")}; CREATE TRIGGER sample '
        "AFTER INSERT ON conversations_conversation FOR EACH ROW EXECUTE FUNCTION sample_v2()"
        '""")',
    ),
}


def add_samples(release: Release) -> None:
    """Write all samples as migrations of conversations, each of which depends on the one before."""
    for name in (*SAFE, *UNSAFE):
        add_sample(release, name)


def add_sample(release: Release, name: str) -> str:
    """Write a sample as the newest migration of conversations, and return the migration's name."""
    is_atomic, operation = SAFE[name] if name in SAFE else (True, UNSAFE[name][0])
    folder = release.root / "apps" / "conversations" / "migrations"
    newest = max(path.stem for path in folder.glob("[0-9]*.py"))
    kind = "safe" if name in SAFE else "unsafe"
    migration = f"{int(newest[:4]) + 1:04d}_{kind}_{name}"
    text = _TEMPLATE.replace("{newest}", newest).replace("{atomic}", str(is_atomic))
    (folder / f"{migration}.py").write_text(text.replace("{operation}", operation))
    return f"conversations.{migration}"
