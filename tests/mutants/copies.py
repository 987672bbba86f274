"""Copies of the project in which mutants are tested, so that the project itself never changes."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from tests.mutants.catalogue import ROOT, Mutant

TIMEOUT_SECONDS = 180
# pytest's exit statuses: https://docs.pytest.org/en/stable/reference/exit-codes.html
_PASSED, _FAILED = 0, 1


class Verdict(Enum):
    """The result of testing a mutant. A mutant is killed if its test fails, as it should.

    UNCLEAR means that the test could not run or did not end in time, which proves nothing.
    """

    KILLED = "killed"
    SURVIVED = "SURVIVED"
    UNCLEAR = "UNCLEAR"


@dataclass(frozen=True, slots=True)
class Run:
    """A run of pytest: its exit status, or None if it took too long, and its output."""

    status: int | None
    output: str

    @property
    def has_passed(self) -> bool:
        """Whether all tests passed."""
        return self.status == _PASSED

    def verdict(self, test: str) -> Verdict:
        """Return the verdict of a run of this test. A failed fixture does not kill the mutant."""
        if self.has_passed:
            return Verdict.SURVIVED
        has_failed = self.status == _FAILED and f"FAILED {test}" in self.output
        return Verdict.KILLED if has_failed else Verdict.UNCLEAR


def make_copy(directory: Path) -> Path:
    """Copy the project into an empty directory, compile the modules, and return the directory."""
    copy_files(directory)
    # Make Python recognize changed files by their hash. By default it compares time and size, which
    # can be the same for two changes within a second.
    options = ["-q", "--invalidation-mode", "checked-hash"]
    subprocess.run([sys.executable, "-m", "compileall", *options, directory], check=True)
    return directory


def copy_files(directory: Path) -> None:
    """Copy the files that git tracks or does not ignore into an empty directory."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listing.stdout.split("\0")):
        source, target = ROOT / name, directory / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def run_mutant(mutant: Mutant, *, copy: Path) -> tuple[Verdict, str]:
    """Apply a mutant to a copy, run its test, and revert it; return the verdict and the output."""
    mutant.apply(root=copy)
    try:
        run = run_tests([mutant.test], copy=copy)
    finally:
        mutant.revert(root=copy)
    return run.verdict(mutant.test), run.output


def run_tests(tests: list[str], *, copy: Path, processes: int = 0) -> Run:
    """Run tests in a copy, with the interpreter of this process."""
    options = ["-q", "-p", "no:cacheprovider", "--numprocesses", str(processes)]
    environment = {
        **os.environ,
        "PYTHONPATH": str(copy),
        # Enough for each mutant that histories are to find.
        "HISTORIES": "25",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", *options, *tests],
        cwd=copy,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        timeout = TIMEOUT_SECONDS if len(tests) == 1 else TIMEOUT_SECONDS * 4
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            # This also ends the servers that the tests have started.
            process.kill()
            output, _ = process.communicate()
            return Run(None, f"{output}\nstopped after {timeout} seconds")
        return Run(process.returncode, output)
