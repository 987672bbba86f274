"""The Celery app."""

import os
import sys
import warnings
from pathlib import Path
from typing import Any

import click
import django
from celery import signals
from celery.exceptions import ImproperlyConfigured

import observability.heartbeat
import observability.metrics.exporter
import observability.otlp  # noqa: F401 (importing them connects them to signals)
from apps.common.standard_streams import prepare_standard_streams
from celery_sqs_fifo import ControlledCelery, check_aws_settings

# This module is the first of the project that `celery` and gunicorn import.
prepare_standard_streams()

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# The `celery` script keeps the working directory on sys.path only while it imports this module
# (celery.utils.imports.cwd_in_path). The settings, Flower and `report` import the project's modules
# later. Celery's Django fixup, which is not used here, would add the directory permanently.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

# `celery events` has two options -d, --dump and --detach. click warns of that at each start, and
# only Celery could change it.
warnings.filterwarnings("ignore", message="The parameter -d is used more than once", module="click")

# No fixups: Celery's Django fixup closes the database connection before and after every task.
app = ControlledCelery("conversation-service", fixups=[])
# Without this, it would be the app of this thread only. gunicorn runs pages in other threads, which
# would send tasks to RabbitMQ on localhost.
app.set_default()
app.config_from_object("config.celeryconfig")


@signals.import_modules.connect
def set_up_django(**_signal: Any) -> None:
    """Set up Django before Celery imports the tasks, which need its models."""
    django.setup()


@signals.celeryd_init.connect
def refuse_other_queues(options: dict[str, Any], **_signal: Any) -> None:
    """End a worker that is to consume another queue or none, with a sentence."""
    for queue in options.get("queues") or ():
        if queue not in app.amqp.queues:
            raise SystemExit(f"There is no queue {queue}: use -Q {', '.join(app.amqp.queues)}.")
    if not {*app.amqp.queues} - {*(options.get("exclude_queues") or ())}:
        raise SystemExit("The worker would read no queue: remove the option -X.")


@signals.celeryd_init.connect
@signals.beat_init.connect
def refuse_wrong_aws_settings(**_signal: Any) -> None:
    """End a worker or beat whose AWS settings are wrong, with a sentence."""
    options = app.conf.broker_transport_options
    try:
        check_aws_settings(region=options["region"], config=options["client-config"])
    except ImproperlyConfigured as error:
        raise SystemExit(str(error)) from error


@signals.import_modules.connect
def set_up_flower(sender: ControlledCelery, **_signal: Any) -> None:
    """Prepare Flower if this process runs `celery flower`.

    Flower imports the tasks after it has read its options and before it listens. The command's name
    is the only way to recognize Flower, because every `celery` command loads Flower's modules.
    """
    command = click.get_current_context(silent=True)
    if command and command.info_name == "flower":
        from observability.flower.start import prepare

        prepare(app=sender)


@signals.setup_logging.connect
def keep_django_logging(**_signal: Any) -> None:
    """Keep the logging configuration of Django's settings.

    Celery configures logging itself only if this signal has no receiver.
    """
