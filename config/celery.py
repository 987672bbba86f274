"""The Celery app."""

import os
import sys
from pathlib import Path
from typing import Any

import click
import django
from celery import signals

import observability.metrics.exporter
import observability.otlp  # noqa: F401 (both begin when Celery signals that a worker starts)
from celery_sqs_fifo import ControlledCelery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# The `celery` script has the working directory on sys.path only while it imports this module (see
# celery.utils.imports.cwd_in_path), but Flower, `report` and the settings import more of the
# project later. Celery's Django fixup would put the directory there for good.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

# Without that fixup, because it closes the database connection around every task.
app = ControlledCelery("conversation-service", fixups=[])
app.config_from_object("config.celeryconfig")


@signals.import_modules.connect
def set_up_django(**_signal: Any) -> None:
    """Before Celery imports the tasks, which need Django's models."""
    django.setup()


@signals.import_modules.connect
def set_up_flower(sender: ControlledCelery, **_signal: Any) -> None:
    """Flower, too, has the app import its tasks: when it has read its options, before it listens.

    Its command is the only sign of it, because every `celery` command loads Flower's modules.
    """
    command = click.get_current_context(silent=True)
    if command and command.info_name == "flower":
        from observability.flower.start import prepare

        prepare(app=sender)


@signals.setup_logging.connect
def keep_our_logging(**_signal: Any) -> None:
    """A receiver keeps Celery from replacing the logging that Django's settings have set up."""
