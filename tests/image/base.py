"""The stand-in for the Dockerfile's base image, made of Debian's packages.

No registry of images is needed. The stand-in has the Debian release and the Python version of the
base image that the Dockerfile names, and what that image has beyond Debian: pip, `python` as a
name, and the certificates of authorities. It is kept for later runs.
"""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from embedded.commands import CommandError

_BASE = re.compile(r"^ARG BASE=(python:(\d+\.\d+)-slim-([a-z]+))$", re.MULTILINE)
_PACKAGES = ("ca-certificates", "python3", "python3-pip", "python3-venv")
# What Debian's slim images leave out, and what only the installation needs.
_SUPERFLUOUS = (
    *("usr/share/doc/*", "usr/share/info/*", "usr/share/locale/*", "usr/share/man/*"),
    *("var/cache/apt/*", "var/lib/apt/lists/*", "var/log/*.log"),
    *("usr/lib/python3*/**/__pycache__", "usr/lib/python3*/EXTERNALLY-MANAGED"),
)


@dataclass(frozen=True, kw_only=True)
class Base:
    """The base image: its name, its version of Python and its release of Debian."""

    name: str
    python: str
    release: str


def base_of(dockerfile: str) -> Base:
    """Return the base image of all stages. Raise CommandError if they have another."""
    named = _BASE.search(dockerfile)
    stages = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    if named is None or set(stages) != {"$BASE"}:
        raise CommandError(
            "Every stage of the Dockerfile must begin with FROM $BASE, "
            "and the default of BASE must be python:VERSION-slim-RELEASE."
        )
    name, python, release = named.groups()
    return Base(name=name, python=python, release=release)


def stand_in(base: Base, *, folder: Path) -> Path:
    """Return the root file system of the stand-in in `folder`; make it if it is missing.

    Raise CommandError if Debian's release has another version of Python than the base image.
    """
    root = folder / f"{base.release}-python{base.python}"
    if root.is_dir():
        return root
    partial = folder / "partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    command = ["debootstrap", "--variant=minbase", f"--include={','.join(_PACKAGES)}"]
    ended = subprocess.run(
        [*command, base.release, partial], capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise CommandError(f"debootstrap failed:\n{ended.stdout[-2000:]}{ended.stderr}")
    if not (partial / "usr/bin" / f"python{base.python}").exists():
        raise CommandError(f"Debian {base.release} has no Python {base.python}.")
    for pattern in _SUPERFLUOUS:
        for path in partial.glob(pattern):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    (partial / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    return partial.rename(root)
