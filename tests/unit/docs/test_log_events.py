"""The runbook lists exactly the log events of the code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.pages import ROOT, page, table_of

PACKAGES = ("apps", "celery_sqs_fifo", "config", "observability", "operations", "tasks")
# Functions that log: the methods of a logger, and a wrapper whose callers pass the event's name.
LEVELS = {"debug", "info", "warning", "error", "critical", "exception"}
WRAPPERS = {"_log_error"}
NAME = re.compile(r"[a-z]+(_[a-z]+)+")


def sources() -> list[Path]:
    """Return the modules that a worker, beat, the admin site or a command may run."""
    return [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]


def logged_names(source: str) -> Iterator[ast.expr]:
    """Yield the first argument of each call that logs."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="logger"), attr=level), args=[name, *_]
            ) if level in LEVELS:
                yield name
            case ast.Call(func=ast.Name(id=wrapper), args=[name, *_]) if wrapper in WRAPPERS:
                yield name


def events_of_the_code() -> set[str]:
    """Return the names of all log events."""
    return {
        str(name.value)
        for path in sources()
        for name in logged_names(path.read_text(encoding="utf-8"))
        if isinstance(name, ast.Constant)
    }


def test_the_runbook_lists_the_log_events_of_the_code() -> None:
    rows = table_of(page("docs/runbook.md"), head="`event`")
    listed = [row[0].strip("`") for row in rows]

    assert len(listed) == len(set(listed)) > 40
    assert set(listed) == events_of_the_code()


@pytest.mark.parametrize("name", sorted(events_of_the_code()))
def test_the_name_of_a_log_event_is_an_identifier(name: str) -> None:
    assert NAME.fullmatch(name)


def test_only_the_wrapper_logs_an_event_with_a_name_that_is_not_a_literal() -> None:
    passed_on = {
        path.relative_to(ROOT).as_posix()
        for path in sources()
        for name in logged_names(path.read_text(encoding="utf-8"))
        if not isinstance(name, ast.Constant)
    }

    assert passed_on == {"celery_sqs_fifo/running/envelope.py"}
