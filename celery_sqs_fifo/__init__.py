"""Celery on AWS SQS FIFO queues, with order per message group and few calls to SQS.

These names are the public API, which README.md describes. The other modules are internal, except
`celery_sqs_fifo.metrics`. Each name is imported when it is first used, because a container's health
check imports this package every few seconds, and a program that only reads logs needs no broker.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from celery_sqs_fifo.aws import AWS_SETTINGS_ERRORS, check_aws_settings
    from celery_sqs_fifo.backoff import Backoff
    from celery_sqs_fifo.control.app import ControlledCelery
    from celery_sqs_fifo.control.connection import address_of
    from celery_sqs_fifo.delivery import DONE, WAITING, Outcome, Result
    from celery_sqs_fifo.errors import ErrorLocation, error_location, unwrapped
    from celery_sqs_fifo.event_rules import EventRules, LabelsOf
    from celery_sqs_fifo.options import Options
    from celery_sqs_fifo.place import PLACE, InvalidPlace, Place
    from celery_sqs_fifo.running.batch import (
        TRACEPARENT,
        BatchItem,
        EventsFailed,
        QueuedEvent,
        bug_outcome,
        process_each,
        process_together,
    )
    from celery_sqs_fifo.running.pointers import PointerForm
    from celery_sqs_fifo.running.publishing import Pointer, publish_each
    from celery_sqs_fifo.running.task import EventTask, FifoTask, UnsupportedOnFifo

# The value of Celery's setting broker_transport.
TRANSPORT = "celery_sqs_fifo.transport:Transport"

_MODULES = {
    "aws": ("AWS_SETTINGS_ERRORS", "check_aws_settings"),
    "backoff": ("Backoff",),
    "control.app": ("ControlledCelery",),
    "control.connection": ("address_of",),
    "delivery": ("DONE", "WAITING", "Outcome", "Result"),
    "errors": ("ErrorLocation", "error_location", "unwrapped"),
    "event_rules": ("EventRules", "LabelsOf"),
    "options": ("Options",),
    "place": ("PLACE", "InvalidPlace", "Place"),
    "running.batch": (
        "TRACEPARENT",
        "EventsFailed",
        "QueuedEvent",
        "BatchItem",
        "bug_outcome",
        "process_each",
        "process_together",
    ),
    "running.pointers": ("PointerForm",),
    "running.publishing": ("Pointer", "publish_each"),
    "running.task": ("EventTask", "FifoTask", "UnsupportedOnFifo"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = (
    "AWS_SETTINGS_ERRORS",
    "DONE",
    "PLACE",
    "TRACEPARENT",
    "TRANSPORT",
    "WAITING",
    "Backoff",
    "BatchItem",
    "ControlledCelery",
    "ErrorLocation",
    "EventRules",
    "EventTask",
    "EventsFailed",
    "FifoTask",
    "InvalidPlace",
    "LabelsOf",
    "Options",
    "Outcome",
    "Place",
    "Pointer",
    "PointerForm",
    "QueuedEvent",
    "Result",
    "UnsupportedOnFifo",
    "address_of",
    "bug_outcome",
    "check_aws_settings",
    "error_location",
    "process_each",
    "process_together",
    "publish_each",
    "unwrapped",
)


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Import and return a public name (PEP 562)."""
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
        globals()[name] = value
        return value
