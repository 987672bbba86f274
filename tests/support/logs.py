"""Log lines in the format of production."""

import structlog

from observability.logging import logging_config


def production_formatter() -> structlog.stdlib.ProcessorFormatter:
    """Return the formatter of production, which returns a line as JSON."""
    options = dict(logging_config(level="INFO")["formatters"]["structured"])
    formatter: structlog.stdlib.ProcessorFormatter = options.pop("()")(**options)
    return formatter
