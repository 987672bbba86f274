"""Logs. They carry nothing of what people wrote, nor their names or their addresses."""

import sys
from typing import Any

import structlog

from celery_sqs_fifo import error_location
from observability.log_context import add_labels

# The rooms of this service. They log constant sentences with named ids.
OURS = ("apps", "celery_sqs_fifo", "config", "observability", "operations", "tasks")

_extras = structlog.stdlib.ExtraAdder()


def _own_extras(logger: Any, method: str, line: dict[str, Any]) -> Any:
    """What libraries add to their lines are requests, and arguments of tasks."""
    is_ours = line["_record"].name.partition(".")[0] in OURS
    return _extras(logger, method, line) if is_ours else line


def _places_of_exceptions(_logger: Any, _method: str, line: dict[str, Any]) -> dict[str, Any]:
    """Where it was and what kind; its text may quote a row, and a row a contact."""
    exc_info = line.pop("exc_info", None)
    if isinstance(exc_info, tuple) and isinstance(exc_info[1], BaseException):
        line["error"] = error_location(exc_info[1])
    return line


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    add_labels,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    _own_extras,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _places_of_exceptions,
]


def logging_config(*, level: str) -> dict[str, Any]:
    """A logging configuration: JSON lines, or readable lines where a terminal reads them.

    Libraries log nothing at DEBUG, whatever `level` is: there they write arguments of tasks, SQL
    and requests, which hold what people wrote.
    """
    renderer: Any = (
        structlog.dev.ConsoleRenderer()
        if sys.stderr.isatty()
        else structlog.processors.JSONRenderer()
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": _SHARED,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    renderer,
                ],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": "INFO" if level == "DEBUG" else level},
        "loggers": {
            **{room: {"level": level} for room in OURS},
            # Celery's own line for each task costs more than the task's SQL; ours say more.
            "celery.app.trace": {"level": "ERROR"},
            "celery.worker.strategy": {"level": "WARNING"},
            "botocore": {"level": "WARNING"},
            "urllib3": {"level": "WARNING"},
        },
    }
