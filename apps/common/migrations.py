"""The migrations that this release has and the database has not."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from pkgutil import iter_modules

from django.apps import apps
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder


def missing_migrations() -> list[str]:
    """Return the migrations that are not applied, by name. Raise Django's database errors.

    Unlike Django's MigrationExecutor, it does not import the migrations, which would cost each
    worker process several megabytes.
    """
    applied = MigrationRecorder(connection).applied_migrations()
    return [f"{app}.{name}" for app, name in _of_this_release() if (app, name) not in applied]


@cache
def _of_this_release() -> tuple[tuple[str, str], ...]:
    """Return the app and the name of each migration.

    They are read once, because a deploy may replace the files while this process runs.
    """
    return tuple(_in_folders())


def _in_folders() -> Iterator[tuple[str, str]]:
    for app in apps.get_app_configs():
        for module in iter_modules([str(Path(app.path) / "migrations")]):
            yield app.label, module.name
