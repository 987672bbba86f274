"""What `make image` needs: root, for the namespaces of a container, and programs of the system."""

import os
import shutil
from collections.abc import Callable, Iterator

from embedded.commands import CommandError

# Each program, with the Debian package that has it.
PACKAGES = {
    "buildah": "buildah",
    "bwrap": "bubblewrap",
    "debootstrap": "debootstrap",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "umount": "mount",
    "unshare": "util-linux",
}


def check_tools(*, which: Callable[[str], str | None] = shutil.which) -> None:
    """Raise CommandError, which says what to install, if root or a program is missing."""
    problems = list(_problems(which))
    if problems:
        raise CommandError("\n".join(["make image cannot run here.", *problems]))


def _problems(which: Callable[[str], str | None]) -> Iterator[str]:
    if os.geteuid() != 0:
        yield "Run it as root: it makes root file systems and the namespaces of containers."
    missing = sorted({package for program, package in PACKAGES.items() if which(program) is None})
    if missing:
        yield f"Install what is missing (Debian, Ubuntu): apt-get install {' '.join(missing)}"
