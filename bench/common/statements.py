"""Counts the SQL statements of a block of code, and times them."""

import re
import time
from collections.abc import Callable
from typing import Any

_TABLE = re.compile(r'\b(?:FROM|INTO|UPDATE) "(\w+)"')


class Statements:
    """A wrapper for `connection.execute_wrapper`. It counts neither BEGIN nor COMMIT.

    `longest` is the kind and the table of the statement that took `longest_seconds`.
    """

    def __init__(self) -> None:
        self.count = 0
        self.longest = ""
        self.longest_seconds = 0.0

    def __call__(self, execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        """Run a statement."""
        begun = time.perf_counter()
        try:
            return execute(sql, *arguments)
        finally:
            seconds = time.perf_counter() - begun
            self.count += 1
            if seconds > self.longest_seconds:
                self.longest, self.longest_seconds = summary(sql), seconds


def summary(sql: str) -> str:
    """Return the first word of a statement, and the first table that it names."""
    table = _TABLE.search(sql)
    return " ".join([sql.split(maxsplit=1)[0], *(table.groups() if table else ())])
