"""`manage.py report --output FILE` replaces the file when all is written, or says why it cannot."""

import io
import resource
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from apps.conversations.project_models import Project
from tests.support.figures import made_project

pytestmark = pytest.mark.django_db

PERIOD = ("--from", "2026-11-21", "--to", "2026-11-24")
FORMATS = ("csv-wide", "csv-long", "parquet")
# The audit events of Python that start a program.
STARTS = {"subprocess.Popen", "os.system", "os.posix_spawn", "os.exec", "os.fork", "os.forkpty"}


def report(*arguments: str) -> str:
    """Run the command with the period of the tests. Return its output."""
    output = io.StringIO()
    call_command("report", *PERIOD, *arguments, stdout=output)
    return output.getvalue()


@pytest.fixture(autouse=True)
def _projects(db: None) -> None:
    """Create projects without conversations."""
    for number in range(3):
        made_project(uuid=UUID(int=number + 1), timezone="UTC")


@pytest.mark.parametrize("form", ["json", "csv", "csv-wide", "csv-long"])
def test_a_file_has_what_the_standard_output_has(form: str, tmp_path: Path) -> None:
    file = tmp_path / "report"

    said = report("--format", form, "--output", str(file))

    assert said == f"The report was written to {file}.\n"
    assert file.read_bytes().decode() == report("--format", form)


@pytest.mark.parametrize("name", ["csv", "json"])
def test_the_short_options_are_formats(name: str) -> None:
    assert report(f"--{name}") == report("--format", name)


@pytest.mark.parametrize("form", ["csv-wide", "parquet"])
def test_a_file_is_replaced_as_a_whole_and_only_its_owner_can_read_it(
    form: str, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "report").write_text("old")
    link = tmp_path / "link"
    link.symlink_to(folder / "report")
    with (folder / "report").open() as reader:
        report("--format", form, "--output", str(link))

        assert reader.read() == "old"

    assert link.is_symlink()
    assert [path.name for path in folder.iterdir()] == ["report"]
    assert stat.S_IMODE((folder / "report").stat().st_mode) == 0o600
    assert (folder / "report").read_bytes()[:4] in (b"proj", b"PAR1")


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_is_written_without_any_other_program(form: str, tmp_path: Path) -> None:
    started: list[str] | None = []

    def note(event: str, _arguments: tuple[Any, ...]) -> None:
        if started is not None and event in STARTS:
            started.append(event)

    # A hook cannot be removed.
    sys.addaudithook(note)
    report("--format", form, "--output", str(tmp_path / "report"))

    noted, started = started, None
    assert noted == []


@contextmanager
def full_disk() -> Iterator[None]:
    """Let this process write no file of more than 1,000 bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("form", FORMATS)
def test_a_full_disk_is_reported_in_a_sentence_and_leaves_the_old_file(
    form: str, tmp_path: Path
) -> None:
    file = tmp_path / "report"
    file.write_text("old")

    with full_disk(), pytest.raises(CommandError) as refused:
        report("--format", form, "--output", str(file))

    assert str(refused.value) == f"{file} cannot be written: File too large. Nothing was written."
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("form", ["csv-wide", "parquet"])
def test_an_outage_during_the_report_leaves_the_old_file(form: str, tmp_path: Path) -> None:
    file = tmp_path / "report"
    file.write_text("old")
    statements = 0

    def refuse_later(execute: Any, *arguments: Any) -> Any:
        nonlocal statements
        statements += 1
        if statements > 8:
            raise OperationalError
        return execute(*arguments)

    with (
        connection.execute_wrapper(refuse_later),
        pytest.raises(CommandError, match=r"PostgreSQL cannot be used.*Run it again later"),
    ):
        report("--format", form, "--output", str(file))

    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (
            ("--format", "xml"),
            '"xml" is not a format: write json, csv, csv-wide, csv-long or parquet.',
        ),
        (("--format", "parquet"), "Parquet is not text. Pass a file: --output FILE."),
        (
            ("--output", "report"),
            "Tables are for a terminal. With --output, pass --format too.",
        ),
        (
            ("--format", "csv-wide", "--output", "/nowhere/report.csv"),
            "/nowhere/report.csv cannot be written: No such file or directory. "
            "Nothing was written.",
        ),
        (
            ("--format", "csv-wide", "--output", "/dev/null"),
            "/dev/null is not a regular file. Nothing was written.",
        ),
        (
            ("--format", "parquet", "--output", ""),
            "Parquet is not text. Pass a file: --output FILE.",
        ),
        (
            ("--format", "csv-long", "--output", "/"),
            "/ is not a regular file. Nothing was written.",
        ),
        (
            ("--json", "--format", "csv-long"),
            "Error: argument --format: not allowed with argument --json",
        ),
    ],
)
def test_invalid_arguments_are_refused_with_a_sentence(
    arguments: tuple[str, ...], problem: str
) -> None:
    with pytest.raises(CommandError) as refused:
        report(*arguments)

    assert str(refused.value) == problem


def test_without_its_package_parquet_is_refused_with_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "apps.analytics.figures.parquet_file")

    with pytest.raises(CommandError) as refused:
        report("--format", "parquet", "--output", str(tmp_path / "report"))

    assert str(refused.value) == (
        "parquet needs the package pyarrow, which is not installed by default: "
        "pip install --require-hashes --requirement requirements/parquet.txt; "
        "an image has it if it is built with --build-arg EXTRAS=parquet"
    )
    assert not list(tmp_path.iterdir())
    assert report("--format", "csv-wide")


class ClosedPipe(io.StringIO):
    """A stream whose reader ends after the head of the table and the first row."""

    lines = 0

    def write(self, text: str) -> int:
        """Raise BrokenPipeError for the third line."""
        self.lines += 1
        if self.lines > 2:
            raise BrokenPipeError
        return super().write(text)


def test_each_project_is_written_before_the_next_one_is_read() -> None:
    """So the memory that a report needs does not grow with the projects."""
    with CaptureQueriesContext(connection) as whole:
        report("--format", "csv-wide")

    with CaptureQueriesContext(connection) as first, pytest.raises(BrokenPipeError):
        call_command("report", *PERIOD, "--format", "csv-wide", stdout=ClosedPipe())

    assert len(first) < len(whole) / 2


def test_the_standard_output_is_in_utf_8_whatever_the_locale_says() -> None:
    Project.objects.update(name="Café São João ☕")
    written = io.BytesIO()

    stream = io.TextIOWrapper(written, encoding="latin-1", write_through=True)

    call_command("report", *PERIOD, "--format=csv-wide", stdout=stream)

    assert written.getvalue().decode() == report("--format", "csv-wide")
    assert "Café São João ☕" in written.getvalue().decode()
