"""Runs tests/unit in the image, on its Python and with its packages.

What only the tests need is added to a copy: the packages of development that the image lacks, git,
and the project's files. Those packages have the versions of the image, because both come from one
resolution.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from embedded.commands import CommandError
from embedded.service import PROJECT_ROOT
from tests.image.container import Image

_COPY = "/src"
_UV = "/usr/local/bin/uv"
_FROM_OUTSIDE = ("/etc/resolv.conf", "/etc/ssl/certs/ca-certificates.crt")


def run_unit_tests(image: Image) -> str:
    """Return pytest's last line. Raise CommandError, with its output, if a test fails.

    `image` is a container that is used for nothing else, because this writes to it.
    """
    copied = image.root / _COPY.lstrip("/")
    _copy_project(copied)
    _install(image)
    for path in (copied, *copied.rglob("*")):
        os.chown(path, image.user, image.user, follow_symlinks=False)
    command = image.in_namespaces(
        *("python", "-m", "pytest", "tests/unit", "--numprocesses", "3", "--dist", "worksteal"),
        *("--quiet", "-p", "no:cacheprovider"),
        # Tests write more than the programs, so this /tmp covers the small one.
        options=["--bind", copied, _COPY, "--chdir", _COPY, "--perms", "1777", "--tmpfs", "/tmp"],  # noqa: S108
    )
    env = image.environment | {"HOME": "/tmp", "LANG": "C.UTF-8"}  # noqa: S108 (in the container)
    # Many tests start programs. Without bytecode, each would compile the project again.
    del env["PYTHONDONTWRITEBYTECODE"]
    return _run(command, env=env).splitlines()[-1]


def _copy_project(folder: Path) -> None:
    """Copy what git has or would add, with git's own folder, which some tests ask."""
    listed = _run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"])
    for name in filter(None, listed.split("\0")):
        source, target = PROJECT_ROOT / name, folder / name
        if source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
    shutil.copytree(PROJECT_ROOT / ".git", folder / ".git")


def _install(image: Image) -> None:
    """Add what the tests need. This is done as root, and over the network."""
    uv = shutil.which("uv", path=str(PROJECT_ROOT / ".venv" / "bin"))
    mounts: list[str | Path] = ["--bind", image.root, "/", "--proc", "/proc", "--dev", "/dev"]
    for path in filter(os.path.exists, _FROM_OUTSIDE):
        mounts += ["--ro-bind", path, path]
    mounts += ["--ro-bind", str(uv), _UV, "--chdir", _COPY]
    install = [_UV, "pip", "install", "--quiet", "--python", "/opt/venv/bin/python", "--no-deps"]
    # The tests run as a user that cannot write bytecode into the folder of the packages.
    install += ["--compile-bytecode", "--require-hashes"]
    for name in ("uv", "dev", "weni"):
        install += ["--requirement", f"requirements/{name}.txt"]
    apt = "apt-get -qq update && apt-get -qq install --no-install-recommends git >/dev/null"
    env = image.environment | {"UV_SYSTEM_CERTS": "1", "UV_NO_CACHE": "1"}
    env["DEBIAN_FRONTEND"] = "noninteractive"
    _run(["bwrap", *mounts, "--", *install], env=env)
    _run(["bwrap", *mounts, "--", "sh", "-c", apt], env=env)


def _run(command: Sequence[str | Path], *, env: dict[str, str] | None = None) -> str:
    program = shutil.which(command[0]) or command[0]
    ended = subprocess.run(
        [program, *command[1:]],
        cwd=PROJECT_ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise CommandError(f"{Path(program).name} failed:\n{ended.stdout}{ended.stderr}")
    return ended.stdout
