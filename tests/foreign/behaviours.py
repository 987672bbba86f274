"""Checks whether a server behaves as AWS documents, where the service depends on it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A documented behaviour in our words, the page of AWS that documents it, and its check."""

    documented: str
    source: str
    try_on: Callable[[Any], bool]


class Checks(list[Check]):
    """The checks of one service, in the order of their definitions."""

    def documented(
        self, documented: str, *, source: str
    ) -> Callable[[Callable[[Any], bool]], Callable[[Any], bool]]:
        """Return a decorator that adds a function as the check of a documented behaviour."""

        def add(try_on: Callable[[Any], bool]) -> Callable[[Any], bool]:
            self.append(Check(documented=documented, source=source, try_on=try_on))
            return try_on

        return add


def is_refused(action: Callable[[], object], *, code: str = "") -> bool:
    """Return whether an action raises an error of AWS, with this code if one is given."""
    try:
        action()
    except ClientError as error:
        return code in error.response["Error"]["Code"]
    return False
