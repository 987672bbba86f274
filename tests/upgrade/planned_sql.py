"""`planned_sql.py FOLDER` writes the SQL of the migrations that `migrate` would apply now.

Each gets a file with the name of its app and its own. It is applied before the SQL of the next one
is made, because Django looks up the names of constraints in the database.
"""

import sys
from pathlib import Path

import django
from django.db import connection
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState


def main() -> None:
    """Write the files into the folder of the command line."""
    folder = Path(sys.argv[1])
    django.setup()
    executor = MigrationExecutor(connection)
    loader = executor.loader
    applied = [key for key in loader.applied_migrations if key in loader.graph.nodes]
    state = loader.project_state(applied)
    for migration, _backwards in executor.migration_plan(loader.graph.leaf_nodes()):
        file = folder / f"{migration.app_label}.{migration.name}.sql"
        file.write_text(sql_of(migration, state=state.clone()), encoding="utf-8")
        state = executor.apply_migration(state, migration)


def sql_of(migration: Migration, *, state: ProjectState) -> str:
    """Return what `sqlmigrate` prints, which would compute the state anew for each migration."""
    with connection.schema_editor(collect_sql=True, atomic=migration.atomic) as editor:
        migration.apply(state, editor, collect_sql=True)
    lines: list[str] = editor.collected_sql
    return "\n".join(["BEGIN;", *lines, "COMMIT;", ""] if migration.atomic else [*lines, ""])


if __name__ == "__main__":
    main()
