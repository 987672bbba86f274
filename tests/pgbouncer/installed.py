"""Finds PgBouncer. `python -m tests.pgbouncer.installed` says how to install it if it is missing.

The tests use the system's PgBouncer, because no package on PyPI contains it.
"""

import os
import shutil
import sys
from pathlib import Path

from rich.console import Console

NAME = "pgbouncer"
# Debian installs servers in a folder that is not on an ordinary user's PATH.
FOLDERS_OF_SERVERS = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin")
HOW_TO_INSTALL = (
    "There is no PgBouncer on this machine: install it (Debian, Ubuntu: apt-get install pgbouncer; "
    "macOS: brew install pgbouncer)."
)


def pgbouncer() -> Path | None:
    """Return the program's path, or None if it is not installed."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *FOLDERS_OF_SERVERS])
    found = shutil.which(NAME, path=path)
    return Path(found) if found else None


def main() -> int:
    """Return 0, or 1 after a message if PgBouncer is not installed."""
    if pgbouncer():
        return 0
    Console(stderr=True).print(HOW_TO_INSTALL, markup=False, highlight=False, soft_wrap=True)
    return 1


if __name__ == "__main__":
    sys.exit(main())
