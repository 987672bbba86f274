"""The files in which the processes of a worker keep the values of their counters and histograms.

prometheus-client creates a file for each process and type of metric, and never removes one. Here
the files of ended processes are merged into one file for each type. The name of a file says
whether it counts:

    counter_41-7123.db     the file of a process, which may have ended: it counts
    counter_41-7123_8.db   the file of an ended process: it counts until merged file 8 exists
    counter_merged_8.db    the sum of all ended processes so far: it counts until 9 exists

The counts move at the instant at which the merged file gets its name. A merge that is killed before
or after that loses nothing and counts nothing twice, and the next one removes what it has left.
"""

import logging
import math
import os
import re
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from json import loads
from pathlib import Path
from typing import NamedTuple

from prometheus_client.mmap_dict import MmapedDict

from observability.metrics.reserved_files import ReservedDict

logger = logging.getLogger(__name__)

# Their values in the files can be added up. Gauges are not in files.
TYPES = ("counter", "histogram")
MERGED = "merged"
_NAME = re.compile(
    rf"(?:{'|'.join(TYPES)})_(?:(?P<process>\d+)-\d+|{MERGED})(?:_(?P<number>\d+))?\.db"
)


class Series(NamedTuple):
    """A time series, as prometheus-client writes it into the key of a value."""

    metric: str
    name: str
    labels: Mapping[str, str]
    meaning: str


@lru_cache(maxsize=10_000)
def read_key(key: str) -> Series:
    """Return the series of a value. Raise ValueError or TypeError if the key is malformed."""
    return Series(*loads(key))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessFile:
    """A file of values. `process` is None for a merged file, and `number` is 0 before a merge."""

    path: Path
    process: int | None
    number: int

    def counts(self, *, merged: int) -> bool:
        """Return whether the file counts while the newest merged file has this number."""
        if self.process is None:
            return self.number == merged
        return self.number == 0 or self.number > merged


class ProcessFiles:
    """The files of a worker in its folder. Scrapes and merges can run in different threads.

    A file that cannot be read is left out, and logged once under each of its names.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._logged: set[Path] = set()

    def totals(self) -> dict[str, dict[str, float]]:
        """Return the sums of all values that count, by type of metric and key."""
        with self._lock:
            return {
                type_: {
                    # The result does not depend on the order, so it never decreases.
                    key: math.fsum(values)
                    for key, values in self._values(_counting(self._files(type_))).items()
                }
                for type_ in TYPES
            }

    def merge(self) -> None:
        """Merge the files of ended processes. Raise OSError, for example if the disk is full."""
        with self._lock:
            for type_ in TYPES:
                self._merge(type_)
            self._logged = {path for path in self._logged if path.exists()}

    def _merge(self, type_: str) -> None:
        files = self._files(type_)
        merged = _newest_merged(files)
        number = merged + 1
        _remove(file for file in files if not file.counts(merged=merged))
        for file in files:
            if file.number == 0 and not _is_running(file.process):
                file.path.rename(file.path.with_stem(f"{file.path.stem}_{number}"))
        parts = [file for file in self._files(type_) if file.number]
        if any(file.process for file in parts):
            sums = {key: _sum_rounded_up(values) for key, values in self._values(parts).items()}
            self._write(self._folder / f"{type_}_{MERGED}_{number}.db", sums)
            _remove(parts)

    def _write(self, path: Path, values: Mapping[str, float]) -> None:
        unfinished = path.with_suffix(".unfinished")
        # A merge that was killed may have left one.
        unfinished.unlink(missing_ok=True)
        file = ReservedDict(str(unfinished))
        for key, value in values.items():
            file.write_value(key, value, 0.0)
        file.close()
        unfinished.replace(path)

    def _files(self, type_: str) -> list[ProcessFile]:
        """Return the files of a type. Files with other names are not of this service."""
        return [
            ProcessFile(
                path=path,
                process=int(name["process"]) if name["process"] else None,
                number=int(name["number"] or 0),
            )
            for path in self._folder.glob(f"{type_}_*.db")
            if (name := _NAME.fullmatch(path.name))
        ]

    def _values(self, files: Iterable[ProcessFile]) -> dict[str, list[float]]:
        values: defaultdict[str, list[float]] = defaultdict(list)
        for file in files:
            for key, value in self._read(file.path).items():
                values[key].append(value)
        return values

    def _read(self, path: Path) -> dict[str, float]:
        try:
            return _read_values(path)
        except Exception as error:
            # Any error, because a damaged file can contain anything.
            if path not in self._logged:
                self._logged.add(path)
                logger.error(
                    "metrics_file_left_out",
                    extra={"file": path.name, "error": type(error).__name__},
                )
            return {}


def _read_values(path: Path) -> dict[str, float]:
    """Return the values of a file by key. Raise any error if the file is damaged or empty."""
    values: dict[str, float] = {}
    for key, value, _timestamp, _position in MmapedDict.read_all_values_from_file(path):
        read_key(key)
        if not math.isfinite(value):
            raise ValueError
        values[key] = value
    return values


def _newest_merged(files: Sequence[ProcessFile]) -> int:
    return max((file.number for file in files if file.process is None), default=0)


def _counting(files: Sequence[ProcessFile]) -> list[ProcessFile]:
    merged = _newest_merged(files)
    return [file for file in files if file.counts(merged=merged)]


def _remove(files: Iterable[ProcessFile]) -> None:
    for file in files:
        file.path.unlink(missing_ok=True)


def _sum_rounded_up(values: Sequence[float]) -> float:
    """Return the sum, or the next larger number if the sum is not a floating-point number.

    Prometheus takes even the smallest decrease of a counter for a restart of the worker.
    """
    total = math.fsum(values)
    return total if math.fsum([*values, -total]) <= 0 else math.nextafter(total, math.inf)


def _is_running(process: int | None) -> bool:
    """Return whether a process with this id exists, which may be a later one.

    In that case the file is merged when that process has ended, too.
    """
    if process is None:
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
