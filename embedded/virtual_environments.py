"""Installs locked Python packages into environments of their own, apart from the project's."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from embedded.commands import CommandError

# The file whose content says what is installed in its folder.
STAMP = "installed.stamp"


def install(*, folder: Path, locks: Sequence[Path], purpose: str) -> Path:
    """Return the folder of the programs of an environment with exactly the packages of the locks.

    The environment is made anew if the locks, the interpreter or its path have changed. Raises
    CommandError, which names the purpose, if the packages cannot be installed.
    """
    stamp, scripts = folder / STAMP, folder / "bin"
    contents = [sys.version.encode(), bytes(folder), *(lock.read_bytes() for lock in locks)]
    wanted = fingerprint(contents)
    if stamp.is_file() and stamp.read_text() == wanted:
        return scripts
    shutil.rmtree(folder, ignore_errors=True)
    run_uv("venv", "--quiet", "--python", sys.executable, folder, purpose=purpose)
    sync = ("pip", "sync", "--quiet", "--python", scripts / "python", "--require-hashes")
    run_uv(*sync, *locks, purpose=purpose)
    stamp.write_text(wanted)
    return scripts


def run_uv(*arguments: str | Path, purpose: str) -> None:
    """Run uv. Raises CommandError, which names the purpose, if it fails."""
    # Without a home, uv cannot use its cache.
    variables = {} if has_home() else {"UV_NO_CACHE": "1"}
    run_installer([sys.executable, "-m", "uv", *arguments], purpose=purpose, variables=variables)


def run_installer(
    command: Sequence[str | Path],
    *,
    purpose: str,
    variables: Mapping[str, str],
    cwd: Path | None = None,
) -> None:
    """Run a program that installs packages. Raises CommandError, with the purpose, if it fails."""
    environment = {**os.environ, **variables}
    try:
        subprocess.run(command, cwd=cwd, env=environment, check=True)  # noqa: S603 (uv, npm)
    except (OSError, subprocess.CalledProcessError) as error:
        raise CommandError(f"The packages of {purpose} cannot be installed: {error}") from error


def has_home() -> bool:
    """Return whether the user has a home, where uv and npm keep their caches."""
    return os.access(os.environ.get("HOME", "/nonexistent"), os.W_OK)


def fingerprint(contents: Iterable[bytes]) -> str:
    """Return a hash of what decides what is installed."""
    return hashlib.sha256(b"\0".join(contents)).hexdigest()
