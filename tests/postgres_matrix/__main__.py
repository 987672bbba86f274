"""`python -m tests.postgres_matrix` tests the service on each supported version of PostgreSQL.

The options are environment variables (defaults in brackets):
- POSTGRES_VERSIONS (14 15 16 17 18): the major versions, separated by blanks;
- TESTS (those that depend on PostgreSQL): files or folders of tests, separated by blanks;
- JOBS (4): how many tests run at the same time.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from bench.common.tables import in_rows
from embedded.commands import CommandError, exit_status, number_setting
from embedded.postgres_programs import ENVIRONMENT, OTHER_INSTALLATION
from embedded.service import PROJECT_ROOT
from operations.doctor.connections import SUPPORTED_VERSIONS
from tests.postgres_matrix.selection import FOLDERS, MAJOR
from tests.postgres_matrix.servers import install

_LOGS = PROJECT_ROOT / "results" / "postgres-matrix"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The tests of one version: the server's full version, and pytest's last line."""

    version: str
    summary: str
    seconds: float
    failed: bool


def run_command(console: Console) -> int:
    """Return 0 if all tests passed on all versions, else 1. Raises CommandError."""
    majors = _chosen_versions(os.environ.get("POSTGRES_VERSIONS", ""))
    jobs = number_setting("JOBS", default=4, minimum=1)
    tests = os.environ.get("TESTS", "").split() or FOLDERS
    servers = install(SUPPORTED_VERSIONS)
    missing = [major for major in majors if major not in servers]
    _LOGS.mkdir(parents=True, exist_ok=True)
    runs = []
    for major in majors:
        if major not in missing:
            run = _run_tests(major, servers[major], tests=tests, jobs=jobs)
            console.print(f"{run.version}: {run.summary}", highlight=False)
            runs.append(run)
    table = in_rows(
        runs,
        {
            "PostgreSQL": lambda run: run.version,
            "tests": lambda run: run.summary,
            "time": lambda run: f"{run.seconds:.0f} s",
            "result": lambda run: "FAILED" if run.failed else "passed",
        },
    )
    table.print_on(console)
    for major in missing:
        console.print(f"not tested: no server of version {major} can be had on this machine")
    console.print(f"The output of each run is in {_LOGS.relative_to(PROJECT_ROOT)}.")
    return int(bool(missing) or any(run.failed for run in runs))


def _chosen_versions(text: str) -> list[int]:
    words = text.split() or [str(major) for major in SUPPORTED_VERSIONS]
    for word in words:
        if word not in map(str, SUPPORTED_VERSIONS):
            oldest, newest = SUPPORTED_VERSIONS[0], SUPPORTED_VERSIONS[-1]
            raise CommandError(f"POSTGRES_VERSIONS must be versions from {oldest} to {newest}.")
    return [int(word) for word in words]


def _run_tests(major: int, server: Path, *, tests: Sequence[str], jobs: int) -> Run:
    command = [sys.executable, "-m", "pytest", "-p", "tests.postgres_matrix.selection", *tests]
    command += ["--numprocesses", str(jobs), "--dist", "worksteal", "--quiet"]
    environment = {**os.environ, OTHER_INSTALLATION: str(server), MAJOR: str(major)}
    began_at = time.monotonic()
    log = _LOGS / f"{major}.log"
    with log.open("w") as output:
        status = subprocess.run(
            command, cwd=PROJECT_ROOT, env=environment, stdout=output, stderr=output, check=False
        ).returncode
    lines = log.read_text().splitlines() or ["no output"]
    return Run(
        version=_version_of(server),
        summary=re.sub(r" in [\d.]+s.*", "", lines[-1]).strip("= "),
        seconds=time.monotonic() - began_at,
        failed=status != 0,
    )


def _version_of(server: Path) -> str:
    program = str(server / "bin" / "postgres")
    said = subprocess.check_output([program, "--version"], env=ENVIRONMENT, text=True)
    return said.split()[-1]


if __name__ == "__main__":
    sys.exit(exit_status(run_command))
