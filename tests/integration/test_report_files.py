"""`manage.py report` writes the figures of each project and day as CSV and as Parquet."""

import csv
import io
import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command

from apps.analytics.figures.parquet_file import MAX_ROWS_OF_GROUP
from apps.conversations.models import Resolution
from apps.conversations.project_models import Project
from tests.support.builders import CHANNEL, NOON
from tests.support.figures import answers, closed, made_project, opened

pytestmark = pytest.mark.django_db

OTHER_CHANNEL = UUID(int=9)
ZONES = {
    UUID(int=1): "America/Sao_Paulo",
    UUID(int=2): "Asia/Kolkata",
    UUID(int=3): "Pacific/Auckland",
}
PROJECTS = tuple(ZONES)
FIRST, LAST = date(2026, 11, 21), date(2026, 11, 24)
PERIOD = ("--from", str(FIRST), "--to", str(LAST))
CLOSED = [one for one in Resolution if one is not Resolution.IN_PROGRESS]


def report(*arguments: str) -> str:
    """Run the command with the period of the tests. Return its output."""
    output = io.StringIO()
    call_command("report", *PERIOD, *arguments, stdout=output)
    return output.getvalue()


def table(text: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file by the names of their columns."""
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.fixture(autouse=True)
def _projects(db: None) -> None:
    """Create projects in several time zones, without conversations."""
    for uuid, zone in ZONES.items():
        made_project(uuid=uuid, timezone=zone)


@pytest.fixture
def random_rows() -> None:
    """Store conversations and answers of two projects; the third has none."""
    chance = random.Random(20261123)  # noqa: S311
    for _ in range(60):
        place: dict[str, Any] = {
            "project": chance.choice(PROJECTS[:2]),
            "channel": chance.choice((CHANNEL, OTHER_CHANNEL)),
        }
        at = NOON + timedelta(hours=chance.randint(-80, 50))
        wrote = chance.random() < 0.7
        place["first_sent_at"] = at + timedelta(seconds=chance.randint(-40_000, 9_000))
        if chance.random() < 0.4:
            opened(at, contact_wrote=wrote, **place)
        else:
            closed(
                at,
                opened_at=at - timedelta(hours=chance.randint(1, 30)),
                resolution=chance.choice(CLOSED),
                contact_wrote=wrote,
                **place,
            )
        place.pop("first_sent_at")
        answers([chance.randint(1, 5)], at=at, **place)
        answers([chance.randint(0, 10)], at=at, key="weni_nps", **place)


@pytest.mark.usefixtures("random_rows")
@pytest.mark.parametrize("channel", [(), ("--channel", str(CHANNEL))], ids=["all", "channel"])
def test_the_files_have_the_figures_of_each_project(
    channel: tuple[str, ...], tmp_path: Path
) -> None:
    expected = {
        (str(project), row["day"], row["figure"]): row["value"]
        for project in PROJECTS
        for row in table(report("--csv", "--project", str(project), *channel))
        if row["day"]
    }
    assert len({value for value in expected.values() if value}) > 20
    for time in ("first_response", "time_to_resolution"):
        name = f"conversations.{time}.p90_seconds"
        assert any(value for (*_, figure), value in expected.items() if figure == name)

    long = table(report("--format", "csv-long", *channel))
    wide = table(report("--format", "csv-wide", *channel))
    file = tmp_path / "report.parquet"
    report("--format", "parquet", "--output", str(file), *channel)
    parquet = pq.read_table(file).to_pylist()

    assert {(row["project"], row["day"], row["figure"]): row["value"] for row in long} == expected
    for row in long:
        assert row["timezone"] == ZONES[UUID(row["project"])]
        assert row["channel"] == (channel[1] if channel else "")
    of_rows = {(row["project"], row["day"]): row for row in wide}
    assert len(of_rows) == len(wide) == len(PROJECTS) * 4
    for (project, day, figure), value in expected.items():
        assert of_rows[project, day][figure.replace(".", "_")] == value
    assert [
        {name: "" if value is None else str(value) for name, value in row.items()}
        for row in parquet
    ] == wide


def test_rows_are_in_order_of_project_and_day_and_days_without_data_are_included() -> None:
    rows = table(report("--format", "csv-wide"))

    days = [str(FIRST + timedelta(days=n)) for n in range(4)]
    assert [(row["project"], row["day"]) for row in rows] == [
        (str(project), day) for project in PROJECTS for day in days
    ]
    assert (rows[0]["csat_answers"], rows[0]["csat_mean"]) == ("0", "")


def test_only_one_project_is_written_if_it_is_named() -> None:
    rows = table(report("--format", "csv-wide", "--project", str(PROJECTS[1])))

    assert {row["project"] for row in rows} == {str(PROJECTS[1])}


def test_parquet_has_types_for_dates_counts_and_repeated_texts(tmp_path: Path) -> None:
    file = tmp_path / "report.parquet"
    head = report("--format", "csv-wide").partition("\r\n")[0]

    report("--format", "parquet", "--output", str(file))

    schema = pq.read_schema(file)
    text = pa.dictionary(pa.int32(), pa.string())
    assert schema.names == head.split(",")
    assert [schema.field(name).type for name in ("project", "channel", "day")] == [
        *(text, text),
        pa.date32(),
    ]
    assert schema.field("nps_distribution_10").type == pa.int64()
    assert not schema.field("nps_distribution_10").nullable
    assert schema.field("nps_score").type == pa.float64()
    assert schema.field("nps_score").nullable


def test_parquet_is_written_in_groups_of_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MAX_ROWS_OF_GROUP == 10_000
    monkeypatch.setattr("apps.analytics.figures.parquet_file.MAX_ROWS_OF_GROUP", 5)
    file = tmp_path / "report.parquet"

    report("--format", "parquet", "--output", str(file))

    groups = pq.ParquetFile(file).metadata
    assert [groups.row_group(n).num_rows for n in range(groups.num_row_groups)] == [5, 5, 2]
    assert pq.read_table(file)["project"].to_pylist()[4:6] == [str(PROJECTS[1])] * 2


def test_csv_files_follow_rfc_4180_in_utf_8(tmp_path: Path) -> None:
    name = 'A "big", shop\nin São Paulo'
    Project.objects.filter(uuid=PROJECTS[0]).update(name=name)
    file = tmp_path / "report.csv"

    report("--format", "csv-wide", "--output", str(file), "--project", str(PROJECTS[0]))

    content = file.read_bytes()
    assert '"A ""big"", shop\nin São Paulo",'.encode() in content
    assert content.count(b"\r\n") == 5
    assert content.endswith(b"\r\n")
    assert {row["project_name"] for row in table(content.decode())} == {name}


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@A1", "\t=1", " =1", "\r1", "＝1"])  # noqa: RUF001
def test_no_name_of_a_project_is_a_formula_in_csv(name: str) -> None:
    Project.objects.filter(uuid=PROJECTS[0]).update(name=name)

    for form in ("csv-wide", "csv-long"):
        rows = table(report("--format", form, "--project", str(PROJECTS[0])))
        assert {row["project_name"] for row in rows} == {f"'{name}"}


def test_csv_for_spreadsheets_has_the_separators_of_their_language() -> None:
    Project.objects.filter(uuid=PROJECTS[0]).update(name="São João; pães")
    answers([5, 5, 1], at=NOON, project=PROJECTS[0])
    plain = table(report("--format", "csv-wide"))

    for form in ("csv-wide", "csv-long"):
        text = report("--format", form, "--spreadsheet", "pt-br")
        assert text.startswith("\ufeffproject;")
        assert ';"66,66666666666667"' in text
        assert "66.6" not in text
    text = report("--format", "csv-wide", "--spreadsheet", "pt-br").removeprefix("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=";"))
    assert [{name: value.replace(",", ".") for name, value in row.items()} for row in rows] == plain

    english = report("--format", "csv-wide", "--spreadsheet", "en")
    assert english == "\ufeff" + report("--format", "csv-wide")


@pytest.mark.parametrize("form", ["json", "csv", "parquet", None])
def test_only_csv_by_day_is_written_for_spreadsheets(form: str | None) -> None:
    arguments = ("--format", form) if form else ()

    with pytest.raises(CommandError, match="--spreadsheet is for --format csv-wide and csv-long"):
        report(*arguments, "--spreadsheet", "en")


def test_parquet_has_the_name_of_a_project_as_it_is(tmp_path: Path) -> None:
    Project.objects.update(name="=1+1")
    file = tmp_path / "report.parquet"

    report("--format", "parquet", "--output", str(file))

    assert set(pq.read_table(file)["project_name"].to_pylist()) == {"=1+1"}


def test_a_negative_score_stays_a_number() -> None:
    answers([0], at=NOON, key="weni_nps", project=PROJECTS[0])

    rows = table(report("--format", "csv-wide"))

    assert [row["nps_score"] for row in rows[:4]] == ["", "", "-100.0", ""]
