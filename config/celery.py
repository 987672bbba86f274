"""The Celery app."""

import os
from typing import Any

import django
from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# Without Celery's Django fixup, which closes the database connection around every task.
app = Celery("conversation-service", fixups=[])
app.config_from_object("config.celeryconfig")


@signals.import_modules.connect
def set_up_django(**_signal: Any) -> None:
    """Before Celery imports the tasks, which need Django's models."""
    django.setup()


@signals.setup_logging.connect
def keep_our_logging(**_signal: Any) -> None:
    """A receiver keeps Celery from replacing the logging that Django's settings have set up."""
