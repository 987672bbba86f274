"""Projects are read from a CSV file. A refused file is reported with the line and the reason."""

from datetime import time, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.conversations.project_csv import InvalidFile, as_csv, read
from apps.conversations.project_settings import ProjectSettings
from apps.conversations.projects import ProjectRow
from tests.unit.apps.conversations.test_project_settings import SETTINGS

ONE = UUID("5f0c2f3a-6b1d-4a57-9c39-0e6a1d2b7c41")
OTHER = UUID("0b9f6f0e-5f0e-4f0c-8a51-6d1d4c1b2a03")
HEADER = "uuid,name,timezone,closing_time,idle_timeout,archive_retention"


def problems(content: str | bytes) -> list[str]:
    """Return the problems of a file with this content."""
    with pytest.raises(InvalidFile) as caught:
        read(content if isinstance(content, bytes) else content.encode())
    return list(caught.value.problems)


def test_a_file_is_parsed_to_a_row_for_each_line() -> None:
    content = f'{HEADER}\n{ONE},"Shop, ""Ana""",Asia/Tokyo,22:30,1h30m,90d\n{OTHER},,UTC,00:00,,\n'

    assert read(content.encode()) == [
        ProjectRow(
            uuid=ONE,
            settings={
                "name": 'Shop, "Ana"',
                "timezone": "Asia/Tokyo",
                "closing_time": time(22, 30),
                "idle_timeout": timedelta(minutes=90),
                "archive_retention": timedelta(days=90),
            },
        ),
        ProjectRow(
            uuid=OTHER,
            settings={
                "name": "",
                "timezone": "UTC",
                "closing_time": time(0),
                "idle_timeout": None,
                "archive_retention": None,
            },
        ),
    ]


def test_columns_may_be_in_any_order_or_missing() -> None:
    content = f"timezone,uuid\nUTC,{ONE}\n"

    assert read(content.encode()) == [ProjectRow(uuid=ONE, settings={"timezone": "UTC"})]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["no mark", "byte order mark"])
def test_a_file_may_come_from_any_program(end: str, mark: bytes) -> None:
    content = end.join(["uuid,name", f"{ONE},Loja", f"{OTHER},Café\u2028"])

    rows = read(mark + content.encode())

    assert [row.settings["name"] for row in rows] == ["Loja", "Café\u2028"]


@given(
    rows=st.lists(
        st.builds(
            lambda uuid, settings: ProjectRow(uuid=uuid, settings=settings), st.uuids(), SETTINGS
        ),
        unique_by=lambda row: row.uuid,
        max_size=5,
    )
)
def test_a_written_file_is_read_as_the_same_rows(rows: list[ProjectRow]) -> None:
    whole: ProjectSettings = {
        "name": "",
        "timezone": "UTC",
        "closing_time": time(0),
        "idle_timeout": None,
        "archive_retention": None,
    }
    rows = [ProjectRow(uuid=row.uuid, settings={**whole, **row.settings}) for row in rows]

    assert read(as_csv(rows).encode()) == rows


@pytest.mark.parametrize("content", ["", "\n", "\ufeff", "\r\n\r\n"])
def test_an_empty_file_is_refused_with_the_columns(content: str) -> None:
    assert problems(content) == [f"line 1: The first line must name the columns: {HEADER}."]


@pytest.mark.parametrize(
    ("header", "sentences"),
    [
        ("uuid,time_zone", ['There is no column "time_zone". Did you mean timezone?']),
        ("uuid,closing", ['There is no column "closing". Did you mean closing_time?']),
        ("uuid,xyz", ['There is no column "xyz".']),
        ("uuid,name,", ['There is no column "".']),
        ("uuid,name,name", ["The column name occurs 2 times."]),
        ("name,timezone", [f"The first line must name the columns: {HEADER}."]),
        (
            "UUID,name",
            [
                f"The first line must name the columns: {HEADER}.",
                'There is no column "UUID". Did you mean uuid?',
            ],
        ),
        (
            "uuid;name",
            [
                f"The first line must name the columns: {HEADER}.",
                'There is no column "uuid;name". Separate the columns by commas.',
            ],
        ),
    ],
)
def test_an_unknown_column_is_refused_with_the_nearest_name(
    header: str, sentences: list[str]
) -> None:
    assert problems(f"{header}\n{ONE},x\n") == [f"line 1: {sentence}" for sentence in sentences]


def test_every_problem_is_reported_with_its_line() -> None:
    content = "\n".join(
        [
            HEADER,
            f'{ONE},"x",Brazil/Sao_Paulo,25:00,1s,365',
            "",
            "42,x,UTC,00:00,never,",
            f"{ONE},x,UTC,00:00,,",
            f"{OTHER},x,UTC",
            f"{OTHER},x,UTC,00:00,,,x",
        ]
    )

    assert problems(content) == [
        'line 2: "Brazil/Sao_Paulo" is not a time zone of the tz database. '
        "Did you mean America/Sao_Paulo?",
        'line 2: "25:00" is not a closing time: write HH:MM or HH:MM:SS, from 00:00 to 23:59:59.',
        'line 2: "1s" is not a possible idle timeout: it must be from 1m to 2d, or none.',
        'line 2: "365" is not an archive retention: write 90s, 30m, 2h, 30d, 1h30m or HH:MM:SS, '
        "or none.",
        'line 4: "42" is not a UUID: write one such as 5f0c2f3a-6b1d-4a57-9c39-2e8d1f7a4b60.',
        'line 4: "never" is not an idle timeout: write 90s, 30m, 2h, 30d, 1h30m or HH:MM:SS, '
        "or none.",
        "line 5: This project is on line 2 already.",
        "line 6: There are 3 cells, and 6 columns.",
        "line 7: There are 7 cells, and 6 columns.",
    ]


def test_a_record_of_several_lines_is_reported_by_its_first_line() -> None:
    content = f'uuid,name\n{ONE},"two\nlines"\n42,x\n'

    assert problems(content) == [
        "line 2: The name must be text on one line, without control characters.",
        'line 4: "42" is not a UUID: write one such as 5f0c2f3a-6b1d-4a57-9c39-2e8d1f7a4b60.',
    ]


def test_two_spellings_of_a_uuid_are_one_project() -> None:
    content = f"uuid,name\n{ONE},x\n{ONE.hex.upper()},x\n"

    assert problems(content) == ["line 3: This project is on line 2 already."]


def test_a_file_in_another_encoding_is_refused_with_the_line() -> None:
    content = f"uuid,name\n{OTHER},Shop\n{ONE},Café\n".encode("latin-1")

    assert problems(content) == ["line 3: This is not UTF-8; save the file as UTF-8."]
    assert problems("uuid,name\n".encode("utf-16")) == [
        "line 1: This is not UTF-8; save the file as UTF-8."
    ]


@pytest.mark.parametrize("cell", ['"open', '"closed" too early', f'"{"x" * 200_000}"'])
def test_malformed_csv_is_refused_with_the_line(cell: str) -> None:
    (sentence,) = problems(f"uuid,name\n{OTHER},x\n{ONE},{cell}\n")

    assert sentence.startswith("line 3: This is not well-formed CSV: ")
