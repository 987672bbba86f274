"""A program can print to closed streams, and characters that an encoding does not have."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from apps.common.standard_streams import prepare_standard_streams
from embedded.service import PROJECT_ROOT

# Libraries write to the descriptors, and programs that this one starts inherit them.
PROGRAM = """
import subprocess, sys
from apps.common.standard_streams import prepare_standard_streams

prepare_standard_streams()
opened = open(sys.argv[1], "w")
assert opened.fileno() > 2, opened.fileno()
assert sys.stdin.read() == ""
for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
    print("lost", file=stream, flush=True)
subprocess.run(["sh", "-c", "cat && echo lost && echo lost >&2"], check=True)
print("kept", file=opened)
"""


def test_a_file_does_not_get_what_is_written_to_closed_streams(tmp_path: Path) -> None:
    file = tmp_path / "file"
    ended = subprocess.run(
        ["sh", "-c", 'exec "$0" -c "$1" "$2" <&- >&- 2>&-', sys.executable, PROGRAM, file],
        cwd=PROJECT_ROOT,
        check=False,
    )

    assert (ended.returncode, file.read_text()) == (0, "kept\n")


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_character_that_the_encoding_does_not_have_is_written_as_an_escape(
    name: str, errors: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding="latin-1", errors=errors)
    monkeypatch.setattr(sys, name, stream)

    prepare_standard_streams()
    stream.write("Olá \u2212 1")
    stream.flush()

    assert written.getvalue() == b"Ol\xe1 \\u2212 1"


def test_a_way_of_encoding_that_was_chosen_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="replace")
    monkeypatch.setattr(sys, "stdout", stream)

    prepare_standard_streams()

    assert stream.errors == "replace"
