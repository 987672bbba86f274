"""The previous release: its code and an environment with the packages that it was locked with.

`python -m tests.upgrade.previous` installs both, or prints why that is not possible. They are kept
in `.upgrade/`, which git ignores, until `previous_release` names another commit.
"""

import shutil
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

from rich.console import Console

from embedded import virtual_environments
from embedded.commands import CommandError, exit_status
from embedded.service import PROJECT_ROOT
from tests.upgrade.release import Release

NAMED_IN = Path(__file__).with_name("previous_release")
_FOLDER = PROJECT_ROOT / ".upgrade"
# The runtime's packages, and the data lake's client.
_LOCKS = ("runtime.txt", "weni.txt")
_COMMIT_LENGTH = 40


def named_commit(text: str) -> str:
    """Return the commit in the text of `previous_release`. Raises CommandError if it has none."""
    commit = text.strip()
    if len(commit) != _COMMIT_LENGTH or set(commit) - set("0123456789abcdef"):
        raise CommandError(f"{NAMED_IN} must contain the full hash of a commit, and nothing else.")
    return commit


def installed_release(
    *, repository: Path = PROJECT_ROOT, commit: str | None = None, folder: Path = _FOLDER
) -> Release:
    """Return a release that can run: by default, the one that `previous_release` names.

    Its code and packages are installed unless that is done already. Raises CommandError, with what
    to do, if the repository does not have the commit or its packages cannot be installed.
    """
    commit = commit or named_commit(NAMED_IN.read_text())
    home = folder / commit
    if not home.is_dir():
        archive = _archive(repository=repository, commit=commit)
        shutil.rmtree(folder, ignore_errors=True)
        unfinished = folder / "unfinished"
        with zipfile.ZipFile(BytesIO(archive)) as files:
            files.extractall(unfinished / "tree")
        unfinished.rename(home)
    tree = home / "tree"
    scripts = virtual_environments.install(
        folder=home / "venv",
        locks=[tree / "requirements" / name for name in _LOCKS],
        purpose="the previous release",
    )
    return Release(name="old", root=tree, scripts=scripts)


def _archive(*, repository: Path, commit: str) -> bytes:
    """Return the files of a commit as a ZIP archive."""
    if not (repository / ".git").exists():
        raise CommandError(
            f"{repository} is no clone of the repository, so it does not have the commit of the "
            "previous release. Run this in a clone."
        )
    git = ["git", "-C", str(repository)]
    result = subprocess.run(
        [*git, "archive", "--format=zip", commit], capture_output=True, check=False
    )
    if result.returncode:
        raise CommandError(
            f"This clone does not have {commit}, the commit of the previous release. If the clone "
            "is shallow, run: git fetch --unshallow"
        )
    return result.stdout


def run_command(_console: Console) -> int:
    """Install the previous release. Return 0."""
    installed_release()
    return 0


if __name__ == "__main__":
    sys.exit(exit_status(run_command))
