"""Projects as a CSV file: one line for each, its settings as operators write them."""

import csv
import difflib
import io
from collections.abc import Iterable, Iterator, Sequence
from uuid import UUID

from apps.conversations.project_settings import FIELDS, as_texts, parse, parse_uuid
from apps.conversations.projects import ProjectRow

COLUMNS = ("uuid", *FIELDS)


class InvalidFile(Exception):
    """Nothing of a file can be used. `problems` has a sentence for each, with its line."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(*problems)
        self.problems = problems


def as_csv(rows: Iterable[ProjectRow]) -> str:
    """What `read` gives the same rows of."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({"uuid": str(row.uuid), **as_texts(row.settings)})
    return text.getvalue()


def read(content: bytes) -> list[ProjectRow]:
    """The rows of a CSV file: UTF-8, commas, and a first line that names its columns.

    `uuid` must be among them; a setting whose column is missing stays as it is. Empty lines do not
    count. Raises InvalidFile with all that is wrong in any line.
    """
    (header_line, header), *records = _records(_decoded(content)) or [(1, [])]
    problems = [f"line {header_line}: {sentence}" for sentence in _wrong_in_header(header)]
    if problems:
        raise InvalidFile(problems)
    rows = []
    lines: dict[UUID, int] = {}
    for line, cells in records:
        row, sentences = _row(header, cells)
        if row:
            rows.append(row)
            if row.uuid in lines:
                sentences.append(f"This project is on line {lines[row.uuid]} already.")
            lines.setdefault(row.uuid, line)
        problems += [f"line {line}: {sentence}" for sentence in sentences]
    if problems:
        raise InvalidFile(problems)
    return rows


def _decoded(content: bytes) -> str:
    try:
        # Excel begins a file with a byte order mark.
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InvalidFile([f"line {line}: This is not UTF-8; save the file as UTF-8."]) from None


def _records(text: str) -> list[tuple[int, list[str]]]:
    """The records that are not empty, each with the line on which it begins."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    records = []
    begin = 1
    try:
        for cells in reader:
            if cells:
                records.append((begin, cells))
            begin = reader.line_num + 1
    except csv.Error as error:
        raise InvalidFile([f"line {begin}: This is not well-formed CSV: {error}."]) from None
    return records


def _wrong_in_header(header: Sequence[str]) -> Iterator[str]:
    if "uuid" not in header:
        yield f"The first line must name the columns: {','.join(COLUMNS)}."
    for column in dict.fromkeys(header):
        if column not in COLUMNS:
            yield f'There is no column "{column[:40]}".{_hint(column)}'
        elif header.count(column) > 1:
            yield f"The column {column} is there {header.count(column)} times."


def _hint(column: str) -> str:
    if ";" in column or "\t" in column:
        return " Separate the columns by commas."
    nearest = difflib.get_close_matches(column.strip().casefold(), COLUMNS, n=1, cutoff=0.5)
    return f" Did you mean {nearest[0]}?" if nearest else ""


def _row(header: Sequence[str], cells: Sequence[str]) -> tuple[ProjectRow | None, list[str]]:
    """The row, unless its project is not to be had, and what is wrong in it."""
    if len(cells) != len(header):
        return None, [f"There are {len(cells)} cells, and {len(header)} columns."]
    texts = dict(zip(header, cells, strict=True))
    uuid_text = texts.pop("uuid")
    settings, problems = parse(texts)
    try:
        uuid = parse_uuid(uuid_text)
    except ValueError as problem:
        return None, [str(problem), *problems]
    return ProjectRow(uuid=uuid, settings=settings), problems
