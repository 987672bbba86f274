"""Libraries that put exceptions into their messages log types and places, and no texts."""

import json
import logging
from typing import Any

import pytest
from celery.exceptions import ImproperlyConfigured

from tests.support.builders import TEXT
from tests.support.logs import production_formatter


def raised(error: Exception) -> Exception:
    """Return the error with a traceback."""
    try:
        raise error
    except type(error) as caught:
        return caught


def line_of(message: str, *arguments: Any, exc_info: Any = None) -> dict[str, Any]:
    """Return the line that a library's message becomes."""
    record = logging.LogRecord("kombu", logging.WARNING, "", 0, message, arguments, exc_info)
    line: dict[str, Any] = json.loads(production_formatter().format(record))
    return line


@pytest.mark.parametrize(
    ("message", "arguments", "shown"),
    [
        # celery.worker.consumer, flower.events and celery.worker.worker
        ("%s (%r)", ["Connection lost", OSError(TEXT)], "Connection lost ('OSError')"),
        ("Failed: '%s', again in %s s.", [KeyError(TEXT), 4], "Failed: 'KeyError', again in 4 s."),
        ("Unrecoverable error: %r", [ValueError(TEXT)], "Unrecoverable error: 'ValueError'"),
    ],
)
def test_an_exception_in_a_message_is_shown_by_its_type_and_place(
    message: str, arguments: list[Any], shown: str
) -> None:
    arguments = [raised(one) if isinstance(one, Exception) else one for one in arguments]
    error = next(one for one in arguments if isinstance(one, Exception))

    line = line_of(message, *arguments)

    assert line["event"] == shown
    assert line["error"] == f"test_logging.py:{place_of(error)} raised > {type(error).__name__}"
    assert TEXT not in json.dumps(line)


def place_of(error: Exception) -> int:
    """Return the line number where the error was raised."""
    assert error.__traceback__
    return error.__traceback__.tb_lineno


def test_the_place_of_a_traceback_is_kept() -> None:
    error = raised(OSError(TEXT))

    line = line_of(
        "Timer error: %r", KeyError(TEXT), exc_info=(OSError, error, error.__traceback__)
    )

    assert (line["event"], line["error"][-7:]) == ("Timer error: 'KeyError'", "OSError")


def test_the_text_of_an_error_of_the_configuration_says_what_to_correct() -> None:
    line = line_of("Unrecoverable error: %r", ImproperlyConfigured("use --pool prefork"))

    assert line["event"] == "Unrecoverable error: ImproperlyConfigured('use --pool prefork')"
    assert "error" not in line


@pytest.mark.parametrize(
    ("message", "arguments", "shown"),
    [
        ("100 %", [], "100 %"),
        ("%s is %d", ["one", 1], "one is 1"),
        ("%(name)s", [{"name": "one"}], "one"),
    ],
)
def test_other_messages_are_unchanged(message: str, arguments: list[Any], shown: str) -> None:
    line = line_of(message, *arguments)

    assert line["event"] == shown
    assert {*line} == {"event", "level", "logger", "timestamp"}
