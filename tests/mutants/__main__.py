"""`python -m tests.mutants` applies each mutant of the catalogue to a copy, and runs its test.

The options are environment variables (defaults in brackets):
- MUTANTS (all): only the entries that have this text in their name, file or test;
- JOBS (the number of cores): how many copies are tested side by side.
"""

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

from rich.console import Console

from embedded.commands import exit_status, number_setting, print_error
from tests.mutants.catalogue import Mutant, mutants
from tests.mutants.copies import Verdict, make_copy, run_mutant, run_tests

_MAX_OUTPUT_LINES = 40


def run_command(console: Console) -> int:
    """Return 0 if every mutant was killed, else 1."""
    chosen = _chosen(os.environ.get("MUTANTS", ""))
    if not chosen:
        print_error("no entry of the catalogue has this text")
        return 1
    jobs = int(number_setting("JOBS", default=os.cpu_count() or 1))
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies = [make_copy(Path(folder, str(number))) for number in range(jobs)]
        if not _pass_unchanged(chosen, copy=copies[0], processes=jobs):
            return 1
        verdicts = list(_verdicts(chosen, copies=copies, console=console))
    killed = verdicts.count(Verdict.KILLED)
    console.print(
        f"{killed} of {len(chosen)} killed in {time.monotonic() - begun:.0f} s", highlight=False
    )
    return 0 if killed == len(chosen) else 1


def _chosen(text: str) -> list[Mutant]:
    return [one for one in mutants() if text in f"{one.name}\n{one.file}\n{one.test}"]


def _pass_unchanged(chosen: Sequence[Mutant], *, copy: Path, processes: int) -> bool:
    """Return whether the tests pass without a change. Otherwise a failure would prove nothing."""
    run = run_tests(sorted({one.test for one in chosen}), copy=copy, processes=processes)
    if not run.has_passed:
        print_error(f"Without any change, the tests do not pass:\n{_end(run.output)}")
    return run.has_passed


def _verdicts(
    chosen: Sequence[Mutant], *, copies: Sequence[Path], console: Console
) -> Iterator[Verdict]:
    free: SimpleQueue[Path] = SimpleQueue()
    for copy in copies:
        free.put(copy)

    def test_one(mutant: Mutant) -> tuple[Verdict, str, float]:
        with _taken(free) as copy:
            begun = time.monotonic()
            verdict, output = run_mutant(mutant, copy=copy)
            return verdict, output, time.monotonic() - begun

    with ThreadPoolExecutor(len(copies)) as threads:
        futures = {threads.submit(test_one, mutant): mutant for mutant in chosen}
        for future in as_completed(futures):
            mutant = futures[future]
            verdict, output, seconds = future.result()
            console.print(
                f"{verdict.value:9}{seconds:5.0f} s  {mutant.name}", highlight=False, markup=False
            )
            if verdict is not Verdict.KILLED:
                print_error(f"{mutant.file}: {mutant.why}\n{mutant.test}\n{_end(output)}")
            yield verdict


@contextmanager
def _taken(free: "SimpleQueue[Path]") -> Iterator[Path]:
    copy = free.get()
    try:
        yield copy
    finally:
        free.put(copy)


def _end(output: str) -> str:
    return "\n".join(output.splitlines()[-_MAX_OUTPUT_LINES:])


if __name__ == "__main__":
    sys.exit(exit_status(run_command))
