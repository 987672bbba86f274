"""Finds programs that the system's package manager installs, because no package on PyPI has them.

`python -m tests.support.system_programs NAME…` says how to install those that are missing.
"""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

# Debian installs servers in a folder that is not on an ordinary user's PATH.
_FOLDERS_OF_SERVERS = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin")


@dataclass(frozen=True, kw_only=True)
class SystemProgram:
    """A program, and the package that contains it on Debian, on Ubuntu and in Homebrew."""

    name: str
    package: str

    @property
    def how_to_install(self) -> str:
        """A sentence for somebody who lacks the program."""
        return (
            f"There is no {self.name} on this machine: install it (Debian, Ubuntu: "
            f"apt-get install {self.package}; macOS: brew install {self.package})."
        )

    def find(self) -> Path | None:
        """Return the program's path, or None if it is not installed."""
        path = os.pathsep.join([os.environ.get("PATH", os.defpath), *_FOLDERS_OF_SERVERS])
        found = shutil.which(self.name, path=path)
        return Path(found) if found else None

    def path(self) -> Path:
        """Return the program's path. Raises AssertionError if it is not installed."""
        found = self.find()
        assert found, self.how_to_install
        return found


PGBOUNCER = SystemProgram(name="pgbouncer", package="pgbouncer")
PROMETHEUS = SystemProgram(name="prometheus", package="prometheus")
PROMTOOL = SystemProgram(name="promtool", package="prometheus")
_PROGRAMS = {program.name: program for program in (PGBOUNCER, PROMETHEUS, PROMTOOL)}


def main(names: list[str]) -> int:
    """Return 0, or 1 after a message if one of these programs is not installed."""
    for program in (_PROGRAMS[name] for name in names):
        if not program.find():
            Console(stderr=True).print(
                program.how_to_install, markup=False, highlight=False, soft_wrap=True
            )
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
