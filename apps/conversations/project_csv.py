"""Projects as a CSV file: one line for each project, with its settings as operators write them."""

import csv
import difflib
import io
from collections.abc import Iterable, Iterator, Sequence
from uuid import UUID

from apps.conversations.project_settings import FIELDS, as_texts, parse, parse_uuid
from apps.conversations.projects import ProjectRow

COLUMNS = ("uuid", *FIELDS)


class InvalidFile(Exception):
    """The file is rejected as a whole. `problems` has a sentence for each one."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(*problems)
        self.problems = problems


def as_csv(rows: Iterable[ProjectRow]) -> str:
    """Return the rows as a CSV file that `read` turns into the same rows."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({"uuid": str(row.uuid), **as_texts(row.settings)})
    return text.getvalue()


def read(content: bytes) -> list[ProjectRow]:
    """Return the rows of a CSV file in UTF-8, with commas and a header line.

    The column `uuid` is required. A setting without a column keeps its stored value. Empty lines
    are ignored. Raise InvalidFile with the problems of all lines.
    """
    (header_line, header), *records = _records(_decoded(content)) or [(1, [])]
    problems = [f"line {header_line}: {sentence}" for sentence in _header_problems(header)]
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
    """Return the records that are not empty, each with the number of its first line."""
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


def _header_problems(header: Sequence[str]) -> Iterator[str]:
    if "uuid" not in header:
        yield f"The first line must name the columns: {','.join(COLUMNS)}."
    for column in dict.fromkeys(header):
        if column not in COLUMNS:
            yield f'There is no column "{column[:40]}".{_hint(column)}'
        elif header.count(column) > 1:
            yield f"The column {column} occurs {header.count(column)} times."


def _hint(column: str) -> str:
    if ";" in column or "\t" in column:
        return " Separate the columns by commas."
    nearest = difflib.get_close_matches(column.strip().casefold(), COLUMNS, n=1, cutoff=0.5)
    return f" Did you mean {nearest[0]}?" if nearest else ""


def _row(header: Sequence[str], cells: Sequence[str]) -> tuple[ProjectRow | None, list[str]]:
    """Return the row, or None if it cannot be read, and the sentences of its problems."""
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
