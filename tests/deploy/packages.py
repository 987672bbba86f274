"""The programs that `make deploy-check` checks deploy/ with.

`python -m tests.deploy.packages` installs them into .deploy, an environment of their own.
"""

import sys

from rich.console import Console

from embedded.commands import exit_status
from embedded.packages import Packages
from embedded.service import PROJECT_ROOT

PACKAGES = Packages(
    command="make deploy-check",
    folder=PROJECT_ROOT / ".deploy",
    requirements=PROJECT_ROOT / "requirements" / "deploy.txt",
)


def install(_console: Console) -> int:
    """Install what is missing, and return 0. Raises CommandError."""
    PACKAGES.install()
    return 0


if __name__ == "__main__":
    sys.exit(exit_status(install))
