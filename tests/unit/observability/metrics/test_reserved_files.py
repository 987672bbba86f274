"""A process has files of its own, and continues when a full disk prevents a new value."""

import errno
import os
from pathlib import Path

import pytest
from prometheus_client import mmap_dict

from observability.metrics.reserved_files import ReservedDict, process_identity


def test_values_are_kept_and_all_space_of_the_file_is_reserved(tmp_path: Path) -> None:
    file = tmp_path / "counter_1.db"
    values = ReservedDict(str(file))
    for number in range(4_000):
        values.write_value(f"key {number}", number, 0.0)
    values.close()

    size = file.stat()
    assert size.st_size > mmap_dict._INITIAL_MMAP_SIZE
    assert size.st_blocks * 512 >= size.st_size
    again = ReservedDict(str(file))
    assert again.read_value("key 3999") == (3999.0, 0.0)
    again.close()


def test_a_full_disk_raises_an_oserror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_fd: int, _offset: int, _size: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    values = ReservedDict(str(tmp_path / "counter_1.db"))
    values.write_value("key", 1.0, 0.0)
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space left"):
        ReservedDict(str(tmp_path / "counter_2.db"))
    with pytest.raises(OSError, match="No space left"):
        values.write_value("k" * mmap_dict._INITIAL_MMAP_SIZE, 1.0, 0.0)
    values.write_value("key", 2.0, 0.0)

    assert values.read_value("key") == (2.0, 0.0)
    values.close()


def test_a_process_and_its_fork_have_different_identities_even_with_one_id(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parent = process_identity()
    assert process_identity() == parent

    monkeypatch.setattr(os, "getpid", lambda: 41)
    child = process_identity()
    monkeypatch.setattr(os, "getpid", lambda: 42)
    process_identity()
    monkeypatch.setattr(os, "getpid", lambda: 41)

    later = process_identity()
    assert len({parent, child, later}) == 3
    assert child.startswith("41-")
    assert later.startswith("41-")
