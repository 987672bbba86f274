"""Installs locked Python packages into environments of their own, apart from the project's."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from embedded.commands import CommandError


def install(*, folder: Path, locks: Sequence[Path], purpose: str) -> Path:
    """Return the folder of the programs of an environment with exactly the packages of the locks.

    The environment is made anew if the locks, the interpreter or its path have changed. Raises
    CommandError, which names the purpose, if the packages cannot be installed.
    """
    stamp, scripts = folder / "installed.stamp", folder / "bin"
    contents = [sys.version.encode(), bytes(folder), *(lock.read_bytes() for lock in locks)]
    wanted = hashlib.sha256(b"\0".join(contents)).hexdigest()
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
    home_is_writable = os.access(os.environ.get("HOME", "/nonexistent"), os.W_OK)
    environment = {**({} if home_is_writable else {"UV_NO_CACHE": "1"}), **os.environ}
    command = [sys.executable, "-m", "uv", *arguments]
    try:
        subprocess.run(command, env=environment, check=True)  # noqa: S603 (uv)
    except (OSError, subprocess.CalledProcessError) as error:
        raise CommandError(f"The packages of {purpose} cannot be installed: {error}") from error
