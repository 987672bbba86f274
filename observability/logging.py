"""The configuration of logging. Log lines never contain texts, names or addresses of people."""

import sys
from typing import Any

import structlog
from celery.exceptions import ImproperlyConfigured

from celery_sqs_fifo import error_location, unwrapped
from observability.log_context import add_bound_fields

# The packages of this service. They log constant event names with ids as fields.
OUR_PACKAGES = ("apps", "celery_sqs_fifo", "config", "observability", "operations", "tasks")

_extras = structlog.stdlib.ExtraAdder()


def _add_own_extras(logger: Any, method: str, line: dict[str, Any]) -> Any:
    """Add the extra fields of a line that this service logs.

    Libraries add requests and arguments of tasks to their lines, which may contain personal data.
    """
    is_ours = line["_record"].name.partition(".")[0] in OUR_PACKAGES
    return _extras(logger, method, line) if is_ours else line


def _name_errors(_logger: Any, _method: str, line: dict[str, Any]) -> dict[str, Any]:
    """Replace exceptions in the message of a library by their types, and add the first's location.

    Their texts may quote a row of the database, like that of an exception that is logged with its
    traceback. The text of ImproperlyConfigured is kept: it says which setting to correct.
    """
    arguments = line.pop("positional_args", None)
    if not isinstance(arguments, tuple):
        return line
    errors = [one for one in arguments if _has_private_text(one)]
    if errors:
        shown = (
            type(unwrapped(one)).__name__ if _has_private_text(one) else one for one in arguments
        )
        line["event"] = str(line["_record"].msg) % tuple(shown)
        line["error"] = error_location(errors[0])
    return line


def _has_private_text(argument: Any) -> bool:
    return isinstance(argument, BaseException) and not isinstance(argument, ImproperlyConfigured)


def _locate_exception(_logger: Any, _method: str, line: dict[str, Any]) -> dict[str, Any]:
    """Replace an exception by its kind and location.

    Its text may quote a row of the database, and a row may contain personal data.
    """
    exc_info = line.pop("exc_info", None)
    if isinstance(exc_info, tuple) and isinstance(exc_info[1], BaseException):
        line["error"] = error_location(exc_info[1])
    return line


_PROCESSORS: list[Any] = [
    structlog.contextvars.merge_contextvars,
    add_bound_fields,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    _add_own_extras,
    _name_errors,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _locate_exception,
]


def logging_config(*, level: str) -> dict[str, Any]:
    """Return the logging configuration: JSON lines, or readable lines if stderr is a terminal.

    Libraries never log at DEBUG, whatever `level` is, because their debug lines contain arguments
    of tasks, SQL and requests, which include personal data.
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
                "foreign_pre_chain": _PROCESSORS,
                "pass_foreign_args": True,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    renderer,
                ],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": "INFO" if level == "DEBUG" else level},
        "loggers": {
            **{package: {"level": level} for package in OUR_PACKAGES},
            # Celery logs a line for each task, which takes longer than the task's SQL. The lines of
            # this service have more fields.
            "celery.app.trace": {"level": "ERROR"},
            "celery.worker.strategy": {"level": "WARNING"},
            # It logs addresses. operations.logins logs the same by ids and hashes.
            "axes": {"level": "CRITICAL"},
            # It warns if a worker answers a command that does not wait any more.
            "kombu.transport.virtual": {"level": "ERROR"},
            "botocore": {"level": "WARNING"},
            "urllib3": {"level": "WARNING"},
        },
    }
