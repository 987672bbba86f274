"""The account for PostgreSQL if this program runs as root: PostgreSQL refuses to run as root."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

_NAME = "nobody"


@dataclass(frozen=True, kw_only=True)
class Account:
    """The numeric ids of a user and its group."""

    user: int
    group: int

    def own(self, *paths: Path) -> None:
        """Make this account the owner of files and directories."""
        for path in paths:
            os.chown(path, self.user, self.group, follow_symlinks=False)


def unprivileged_account() -> Account:
    """Return the account `nobody`. Raises RuntimeError if the machine has no such account."""
    try:
        entry = pwd.getpwnam(_NAME)
    except KeyError:
        raise RuntimeError(
            f"PostgreSQL does not run as root, and this machine has no user {_NAME!r}: "
            "run this command as an ordinary user."
        ) from None
    return Account(user=entry.pw_uid, group=entry.pw_gid)


def everyone_may_enter(directory: Path) -> bool:
    """Whether every user may enter this directory and all directories above it."""
    resolved = directory.resolve()
    return all(
        level.is_dir() and level.stat().st_mode & stat.S_IXOTH
        for level in (resolved, *resolved.parents)
    )
