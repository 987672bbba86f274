"""Merging the files of ended processes loses and double-counts nothing, whatever happens."""

import errno
import json
import math
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observability.metrics import process_files
from observability.metrics.process_files import ProcessFiles
from tests.support import counting_processes
from tests.support.counting_processes import COUNTS, PROCESSES
from tests.support.pages import ROOT
from tests.unit.observability.metrics.conftest import ENDED

FULL = OSError(errno.ENOSPC, "No space left on device")


def total(folder: Path) -> float:
    return ProcessFiles(folder).totals()["counter"].get(ENDED, 0.0)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def run_program(folder: Path, scenario: str) -> dict[str, Any]:
    """Run the program in tests/support/counting_processes.py, and return its findings."""
    result = subprocess.run(
        [sys.executable, "-m", counting_processes.__name__, folder, scenario],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    findings: dict[str, Any] = json.loads(result.stdout)
    return findings


def expected_sums(*, processes: int) -> dict[str, Any]:
    """Return the sums of time series after this number of processes has counted."""
    kinds = Counter(str(number % 3) for number in range(COUNTS))
    durations = [0.1 * (number % 7) for number in range(COUNTS)]
    return {
        **{f"ended_total[('kind', '{kind}')]": processes * n for kind, n in kinds.items()},
        "seconds_sum[]": pytest.approx(processes * sum(durations)),
        "seconds_bucket[('le', '1.0')]": processes * COUNTS,
        "seconds_bucket[('le', '+Inf')]": 0,
    }


def test_while_processes_end_or_are_killed_no_scrape_loses_or_double_counts_anything(
    tmp_path: Path,
) -> None:
    findings = run_program(tmp_path, "replace")

    assert findings["sums"] == expected_sums(processes=PROCESSES)
    assert findings["scrapes"] >= PROCESSES / 3
    assert findings["decreases"] == []
    merged = {name for name in names(tmp_path) if "_merged_" in name}
    assert {name.partition("_")[0] for name in merged} == {"counter", "histogram"}
    # The others are those of the program's own process.
    assert len(names(tmp_path)) <= len(merged) + 2
    assert len(merged) == 2


def test_a_merge_that_is_killed_at_any_step_loses_and_double_counts_nothing(
    tmp_path: Path,
) -> None:
    findings = run_program(tmp_path, "kill")

    # The number of operations on files in a merge of both types.
    assert findings["kills"] > 20
    assert findings["after_kills"] == [
        expected_sums(processes=3 * number + 2) for number in range(findings["kills"])
    ]
    assert findings["after_merges"] == [
        expected_sums(processes=3 * number) for number in range(1, findings["kills"] + 1)
    ]
    # The others are those of the program's own process.
    assert len(names(tmp_path)) <= 2 + 2


def test_files_of_ended_processes_become_one_and_those_of_running_processes_stay(
    tmp_path: Path, write: Callable[..., Path]
) -> None:
    for _ in range(200):
        write(1)
    running = write(5, process=os.getpid())

    ProcessFiles(tmp_path).merge()

    assert names(tmp_path) == {"counter_merged_1.db", running.name}
    assert total(tmp_path) == 205

    write(3)
    ProcessFiles(tmp_path).merge()
    ProcessFiles(tmp_path).merge()
    assert names(tmp_path) == {"counter_merged_2.db", running.name}
    assert total(tmp_path) == 208


def test_files_that_a_killed_merge_has_left_do_not_count_and_are_removed(
    tmp_path: Path, write: Callable[..., Path]
) -> None:
    write(2)
    ProcessFiles(tmp_path).merge()
    (merged,) = tmp_path.iterdir()
    content = merged.read_bytes()
    write(3)
    ProcessFiles(tmp_path).merge()
    merged.write_bytes(content)
    (tmp_path / "counter_merged_3.unfinished").write_bytes(b"half of a file")

    assert total(tmp_path) == 5
    write(1)
    ProcessFiles(tmp_path).merge()
    assert names(tmp_path) == {"counter_merged_3.db"}
    assert total(tmp_path) == 6


def test_a_full_disk_delays_a_merge_and_changes_no_count(
    tmp_path: Path, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: int) -> None:
        raise FULL

    write(2)
    write(3)
    files = ProcessFiles(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(os, "posix_fallocate", full)
        for _ in range(2):
            with pytest.raises(OSError, match="No space left"):
                files.merge()
            assert total(tmp_path) == 5

    files.merge()
    assert total(tmp_path) == 5
    assert names(tmp_path) == {"counter_merged_1.db"}


SECONDS = st.floats(min_value=0, max_value=1e7, allow_subnormal=False)


@given(values=st.lists(SECONDS, min_size=3, max_size=30), cut=st.integers(2, 29))
def test_a_total_never_decreases_by_merging(values: list[float], cut: int) -> None:
    """Prometheus would take the smallest decrease for a restart, and count everything again."""
    before = math.fsum(values)

    merged = process_files._sum_rounded_up(values[:cut])

    after = math.fsum([merged, *values[cut:]])
    assert before <= after <= before * (1 + 1e-15)


def test_a_folder_that_is_gone_has_no_values_and_nothing_to_merge(tmp_path: Path) -> None:
    files = ProcessFiles(tmp_path / "gone")

    files.merge()

    assert files.totals() == {"counter": {}, "histogram": {}}
