"""Logs and error reports. Neither carries what people wrote, their names or their addresses."""

import sys
from typing import Any

import sentry_sdk
import structlog
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.types import Event, Hint

_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def logging_config(*, level: str) -> dict[str, Any]:
    """A logging configuration: JSON lines, or readable lines where a terminal reads them."""
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
                    structlog.processors.format_exc_info,
                    renderer,
                ],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Celery's own line for each task costs more than the task's SQL; ours say more.
            "celery.app.trace": {"level": "ERROR"},
            # At DEBUG these write the arguments of tasks, which hold what people wrote.
            "celery.concurrency": {"level": "INFO"},
            "celery.pool": {"level": "INFO"},
            "celery.worker.strategy": {"level": "WARNING"},
            "botocore": {"level": "WARNING"},
            "urllib3": {"level": "WARNING"},
        },
    }


def start_sentry(*, dsn: str) -> None:
    """Report bugs to Sentry: what kind, where, and ids. Nothing that people wrote.

    What is reported is reported by name (tasks.base), so log lines make no reports of their own.
    """
    if dsn:
        sentry_sdk.init(
            dsn=dsn,
            send_default_pii=False,
            include_local_variables=False,
            max_request_body_size="never",
            max_breadcrumbs=0,
            before_send=_without_texts,
            integrations=[LoggingIntegration(event_level=None)],
        )


def _without_texts(event: Event, _hint: Hint) -> Event:
    """An exception's text may quote a row, and a row a contact."""
    for exception in event.get("exception", {}).get("values", []):
        exception["value"] = ""
    return event
