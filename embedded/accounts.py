"""The account that stands in for root where a program refuses to run as root."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

_NAME = "nobody"


@dataclass(frozen=True, kw_only=True)
class Account:
    """A user and its group, by their numbers."""

    user: int
    group: int

    def own(self, *paths: Path) -> None:
        """Makes this account the owner of files and directories that this program made."""
        for path in paths:
            os.chown(path, self.user, self.group, follow_symlinks=False)


def unprivileged_account() -> Account:
    """The existing account `nobody`. Raises RuntimeError if the machine has none."""
    try:
        entry = pwd.getpwnam(_NAME)
    except KeyError:
        raise RuntimeError(
            f"PostgreSQL does not run as root, and there is no user {_NAME!r} to run it as: "
            "run this as an ordinary user."
        ) from None
    return Account(user=entry.pw_uid, group=entry.pw_gid)


def everyone_may_enter(directory: Path) -> bool:
    """Whether any user may pass through this directory and all above it."""
    resolved = directory.resolve()
    return all(
        level.is_dir() and level.stat().st_mode & stat.S_IXOTH
        for level in (resolved, *resolved.parents)
    )
