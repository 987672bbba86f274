"""A thread merges the files of ended processes regularly."""

import errno
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest

from observability.metrics import merging
from observability.metrics.merging import Merger
from observability.metrics.process_files import ProcessFiles


def test_the_thread_merges_regularly_and_survives_errors(
    tmp_path: Path, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    merged: list[int] = []

    class FailingOnce(ProcessFiles):
        def merge(self) -> None:
            merged.append(len(merged))
            if len(merged) == 1:
                raise OSError(errno.ENOSPC, "No space left on device")
            super().merge()
            if len(merged) == 3:
                done.set()

    done = Event()
    monkeypatch.setattr(merging, "MERGE_EVERY", 0.01)
    write(2)
    merger = Merger(FailingOnce(tmp_path))
    merger.start()
    assert done.wait(10)
    merger.stop()

    assert {path.name for path in tmp_path.iterdir()} == {"counter_merged_1.db"}
