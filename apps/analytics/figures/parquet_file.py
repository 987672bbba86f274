"""The figures of each project and day as a Parquet file. It needs pyarrow, an optional package."""

from collections.abc import Iterable
from itertools import islice
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from apps.analytics.figures.daily import FIGURES, ProjectDay, column

# Rows are held in memory until a row group is written: some 30 MB.
MAX_ROWS_OF_GROUP = 10_000

_TEXT = pa.dictionary(pa.int32(), pa.string())
_TYPES = {int: pa.int64(), float: pa.float64()}

SCHEMA = pa.schema(
    [
        pa.field("project", _TEXT, nullable=False),
        pa.field("project_name", _TEXT, nullable=False),
        pa.field("timezone", _TEXT, nullable=False),
        pa.field("channel", _TEXT),
        pa.field("day", pa.date32(), nullable=False),
        *(
            pa.field(column(name), _TYPES[kind], nullable=kind is float)
            for name, kind in FIGURES.items()
        ),
    ]
)


def write(days: Iterable[ProjectDay], *, file: BinaryIO) -> None:
    """Write a row for each project and day, in groups of rows. Raise OSError if that fails."""
    rows = map(_row, days)
    with pq.ParquetWriter(file, SCHEMA) as writer:
        while group := list(islice(rows, MAX_ROWS_OF_GROUP)):
            writer.write_batch(pa.RecordBatch.from_pylist(group, schema=SCHEMA))


def _row(day: ProjectDay) -> dict[str, Any]:
    return {
        "project": str(day.project),
        "project_name": day.project_name,
        "timezone": day.timezone,
        "channel": str(day.channel) if day.channel else None,
        "day": day.day,
        **{column(name): day.values[name] for name in FIGURES},
    }
