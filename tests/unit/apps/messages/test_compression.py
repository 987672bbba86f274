"""Compressed data can be read again, and only with the dictionary that it was compressed with."""

import hashlib
import re
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from apps.common.lossless_json import dump
from apps.messages import compression
from apps.messages.compression import DICTIONARY, Unreadable, compress, decompress
from tests.support.builders import HOME, entry
from tests.support.pages import ROOT, page

FOLDER = Path(compression.__file__).with_name("dictionaries")
# A dictionary that was released must never change: add the checksum of a new one.
CHECKSUMS = {"1.txt": "0331f67b59b2948dccfe33d745b5dc19eaf010e6d471e17ef6f07d8fac847118"}
TEXT = dump(entry(text="Olá! Como posso ajudar?").as_json(home=HOME)).encode()


def test_no_dictionary_has_changed() -> None:
    checksums = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in FOLDER.iterdir()
    }

    assert checksums == CHECKSUMS


def test_a_dictionary_has_the_names_of_the_fields_of_an_entry() -> None:
    dictionary = compression.read_dictionary(DICTIONARY).decode()
    complete = replace(entry(), stamped="0", extra={"event": {}}).as_json(home=HOME)

    for name in (*complete, "deleted"):
        assert f'"{name}":' in dictionary


def test_the_dictionary_makes_a_short_entry_much_smaller() -> None:
    assert len(compress(TEXT)) < 0.6 * len(TEXT)


@pytest.mark.parametrize("data", [b"", b"x", TEXT, "\x00😕ç".encode(), bytes(range(256)) * 1_000])
def test_compressed_data_is_read_again(data: bytes) -> None:
    assert decompress(compress(data), dictionary=DICTIONARY) == data


@pytest.mark.parametrize("number", range(len(compress(TEXT))))
def test_a_changed_byte_is_noticed(number: int) -> None:
    damaged = bytearray(compress(TEXT))
    damaged[number] ^= 0xFF

    with pytest.raises(Unreadable, match="its data is damaged"):
        decompress(bytes(damaged), dictionary=DICTIONARY)


@pytest.mark.parametrize("end", [0, 1, 6, 50, -5, -4, -1])
def test_a_missing_end_is_noticed(end: int) -> None:
    with pytest.raises(Unreadable, match="its data is damaged: it does not end where it should"):
        decompress(compress(TEXT)[:end], dictionary=DICTIONARY)


def test_what_follows_compressed_data_is_noticed() -> None:
    with pytest.raises(Unreadable, match="its data is damaged: it does not end where it should"):
        decompress(compress(TEXT) + b"x", dictionary=DICTIONARY)


@pytest.fixture
def _own_dictionaries() -> Iterator[None]:
    """Read the dictionaries again before and after the test."""
    compression.read_dictionary.cache_clear()
    yield
    compression.read_dictionary.cache_clear()


@pytest.mark.usefixtures("_own_dictionaries")
def test_a_later_dictionary_leaves_what_the_former_has_compressed_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    former = compress(TEXT)
    for name, content in (("1.txt", (FOLDER / "1.txt").read_bytes()), ("2.txt", TEXT)):
        (tmp_path / name).write_bytes(content)
    monkeypatch.setattr(compression, "_FOLDER", tmp_path)
    monkeypatch.setattr(compression, "DICTIONARY", 2)

    later = compress(TEXT)

    assert len(later) < 30
    assert decompress(former, dictionary=1) == decompress(later, dictionary=2) == TEXT
    with pytest.raises(Unreadable, match="its data is damaged"):
        decompress(later, dictionary=1)


def test_the_program_in_the_runbook_reads_compressed_data_without_the_service() -> None:
    (program,) = re.findall(r"python3 -c '(.+?)'\n", page("docs/runbook.md"), re.DOTALL)
    assert "apps." not in program

    read = subprocess.run(
        [sys.executable, "-I", "-c", program],
        cwd=ROOT,
        input=b64encode(compress(TEXT)) + b"\n",
        capture_output=True,
        check=True,
    )

    assert read.stdout == TEXT + b"\n"


def test_an_unknown_dictionary_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(Unreadable) as error:
        decompress(compress(TEXT), dictionary=7)

    assert str(error.value) == (
        "it is compressed with dictionary 7, which this release does not have. A newer release has "
        "written it: run that release"
    )
