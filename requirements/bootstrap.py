"""Creates or updates the project's virtual environment.

    python requirements/bootstrap.py          everything that development and tests need
    python requirements/bootstrap.py --tools  only uv, which is enough to lock

It needs only Python 3.11 with venv and pip. Packages are installed with hashes, and only if the
requirements, the interpreter or the project's path has changed.
"""

import argparse
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = PROJECT_ROOT / "requirements"
ENVIRONMENT = PROJECT_ROOT / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
BASE_STAMP = ENVIRONMENT / "base.stamp"
PACKAGES_STAMP = ENVIRONMENT / "packages.stamp"

MAX_OUTPUT_LINES = 8
# What pip and uv print if an index does not answer, or if its certificate is not accepted.
UNREACHABLE = re.compile(
    r"connection (?:error|broken|refused|reset)|failed to establish a new connection|"
    r"error sending request|dns error|timed? ?out|name resolution|network is unreachable|"
    r"from versions: none|failed to fetch|client error \(connect\)|cannot connect to proxy|"
    r"certificate",
    re.IGNORECASE,
)
A_LINK = """\
.venv is a symbolic link. Installing through it would empty the folder that it leads to, which may
belong to another checkout. Remove the link, then run this again.
"""
HOW_TO_REACH_AN_INDEX = """\
The package index could not be reached, or its certificate is not accepted. Check the network, then
run this again. Behind a proxy, set HTTPS_PROXY=http://HOST:PORT; if it replaces certificates, set
UV_SYSTEM_CERTS=1 and PIP_CERT=FILE, a file with its authority. For an index of your own, set
PIP_INDEX_URL and UV_DEFAULT_INDEX.
"""


def main() -> None:
    """Run the steps that are needed. Exit with the status of a step that fails."""
    parser = argparse.ArgumentParser(description="Create or update .venv.")
    parser.add_argument("--tools", action="store_true", help="install uv only")
    tools_only = parser.parse_args().tools
    if ENVIRONMENT.is_symlink():
        sys.stderr.write(A_LINK)
        raise SystemExit(1)
    try:
        make_environment()
        if not tools_only:
            install_packages()
    except subprocess.CalledProcessError as error:
        explain(error.stderr or "")
        raise SystemExit(error.returncode) from None
    except KeyboardInterrupt:
        raise SystemExit("\nInterrupted. Run this again to continue.") from None


def make_environment() -> None:
    """Create a virtual environment with uv.

    It is created again if it is incomplete or broken, or if the project was moved, because the
    scripts of a virtual environment contain its path.
    """
    wanted = fingerprint("uv.txt", str(ENVIRONMENT), sys.version, os.path.realpath(sys.executable))
    if is_stamped(BASE_STAMP, wanted) and runs():
        return
    say("Making the virtual environment .venv")
    run(sys.executable, "-m", "venv", "--clear", ENVIRONMENT)
    pip: list[str | Path] = [
        PYTHON,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    run(*pip, "--require-hashes", "--requirement", REQUIREMENTS / "uv.txt")
    BASE_STAMP.write_text(wanted)


def install_packages() -> None:
    """Install exactly the packages of dev.txt and weni.txt; remove all others."""
    wanted = fingerprint("dev.txt", fingerprint("weni.txt"))
    if is_stamped(PACKAGES_STAMP, wanted):
        return
    say("Installing the packages of requirements/dev.txt and weni.txt")
    PACKAGES_STAMP.unlink(missing_ok=True)
    uv: list[str | Path] = [PYTHON, "-m", "uv", "pip", "sync", "--quiet", "--python", PYTHON]
    run(*uv, "--require-hashes", REQUIREMENTS / "dev.txt", REQUIREMENTS / "weni.txt")
    PACKAGES_STAMP.write_text(wanted)


def fingerprint(requirements: str, *more: str) -> str:
    """Return a hash of a requirements file and more texts."""
    content = (REQUIREMENTS / requirements).read_bytes()
    return hashlib.sha256(b"\0".join([content, *(part.encode() for part in more)])).hexdigest()


def is_stamped(stamp: Path, wanted: str) -> bool:
    """Whether a step was finished with this fingerprint."""
    return stamp.is_file() and stamp.read_text() == wanted


def runs() -> bool:
    """Whether the environment's interpreter runs; its base installation may have been removed."""
    if not PYTHON.exists():
        return False
    return subprocess.run([PYTHON, "-c", ""], check=False).returncode == 0  # noqa: S603 (own file)


def explain(output: str) -> None:
    """Print the last lines of a tool that failed, and what to do if it could not reach an index."""
    lines = [line for line in output.splitlines() if line.strip()][-MAX_OUTPUT_LINES:]
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    if any(map(UNREACHABLE.search, lines)):
        sys.stderr.write(HOW_TO_REACH_AN_INDEX)


def run(*command: str | Path) -> None:
    """Run a step. Raises CalledProcessError, with what it printed about errors, if it fails."""
    environment = dict(os.environ)
    home = Path(environment.get("HOME", "/nonexistent"))
    if not os.access(home, os.W_OK) and not environment.get("UV_CACHE_DIR"):
        environment["UV_NO_CACHE"] = "1"
    subprocess.run(  # noqa: S603 (fixed commands)
        command, cwd=PROJECT_ROOT, env=environment, check=True, stderr=subprocess.PIPE, text=True
    )


def say(message: str) -> None:
    """Print what is being done."""
    sys.stderr.write(f"{message} ...\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
