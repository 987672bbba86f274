"""Sources of the login of a connection to PostgreSQL, for logins that change while programs run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from psycopg2 import OperationalError

# The connection parameters `password` and, if the source has one, `user`.
Login = dict[str, str]


class NoLogin(OperationalError):
    """There is no login at the moment. To a worker this means that PostgreSQL is unavailable.

    The message is logged and shown, so it never quotes a login.
    """


class LoginSource(Protocol):
    """Where new connections get their login from. Threads and forked processes share a source."""

    def current(self) -> Login:
        """Return the login for a new connection. Raise NoLogin."""

    def newer_than(self, used: Mapping[str, Any]) -> Login | None:
        """Return another login than the one of a connection that failed, or None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLogin:
    """A login in a file, which is read again for each new connection.

    `parse` returns the login that a text contains, or raises ValueError. `setting` is the name of
    the setting that has the path.
    """

    setting: str
    path: Path
    parse: Callable[[str], Login]

    def current(self) -> Login:
        """Return the login that is in the file now. Raise NoLogin."""
        try:
            return self.parse(read_secret(self.path))
        except OSError as error:
            raise NoLogin(f"the file of {self.setting} cannot be read ({error.strerror})") from None
        except ValueError as error:
            reason = str(error).rstrip(".")
            raise NoLogin(f"the file of {self.setting} {reason}") from None

    def newer_than(self, used: Mapping[str, Any]) -> Login | None:
        """Return None: the login of the failed connection was just read."""
        return None


def read_secret(path: Path) -> str:
    """Return the text of a file that contains a secret, without the line break at its end.

    Raise OSError, or ValueError with what is wrong with the contents.
    """
    try:
        text = path.read_text(encoding="utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError("is not a text in UTF-8.") from None
    if not text:
        raise ValueError("is empty.")
    return text
