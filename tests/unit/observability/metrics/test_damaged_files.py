"""A damaged metrics file is left out, and ends neither a scrape nor a merge."""

import logging
import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from observability.metrics.exporter import ProcessFilesCollector
from observability.metrics.process_files import ProcessFiles
from tests.support.scraping import read


def negative_length(content: bytes) -> bytes:
    return content[:8] + struct.pack("i", -100) + content[12:]


def not_a_number(content: bytes) -> bytes:
    position = struct.unpack_from("i", content)[0] - 16
    return content[:position] + struct.pack("d", float("nan")) + content[position + 8 :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _content: b"",
    "cut off": lambda content: content[:40],
    "of zeros after its length": lambda content: content[:4] + bytes(len(content) - 4),
    "of other bytes": lambda content: content[:4] + b"\xff" * (len(content) - 4),
    "with a negative length": negative_length,
    "with a key that is not JSON": lambda content: content.replace(b'["ended', b"(ended,"),
    "with a key that lacks a part": lambda content: content.replace(b'"ended", ', b" " * 9),
    "with a value that is not a number": not_a_number,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("has_ended", [True, False], ids=["ended", "running"])
def test_a_damaged_file_is_left_out_and_logged_once(
    tmp_path: Path,
    write: Callable[..., Path],
    ended_process: int,
    caplog: pytest.LogCaptureFixture,
    damage: Callable[[bytes], bytes],
    has_ended: bool,
) -> None:
    write(2)
    damaged = write(3, process=ended_process if has_ended else os.getpid())
    damaged.write_bytes(damage(damaged.read_bytes()))
    files = ProcessFiles(tmp_path)
    registry = CollectorRegistry()
    registry.register(ProcessFilesCollector(files, path=str(tmp_path)))

    with caplog.at_level(logging.INFO):
        for _ in range(3):
            page = read(generate_latest(registry).decode())
            assert page.value("ended_total", kind="a") == 2
    (line,) = caplog.records
    assert (line.levelname, line.message) == ("ERROR", "metrics_file_left_out")
    assert line.__dict__["file"] == damaged.name

    files.merge()
    write(1)
    files.merge()
    assert read(generate_latest(registry).decode()).value("ended_total", kind="a") == 3
    assert damaged.exists() is not has_ended
