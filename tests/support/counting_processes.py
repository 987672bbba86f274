"""A program whose processes count, like those of a worker's pool, while it merges their files.

Its first argument is the folder of the files. It prints its findings as JSON.
"""

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram

from observability.metrics.process_files import ProcessFiles
from observability.metrics.reserved_files import reserve_files

PROCESSES = 60
COUNTS = 40
# The operations on files between which a merge can be killed (Python, "Audit events table").
OPERATIONS = {"open", "os.rename", "os.remove", "mmap.__new__"}


class Metrics:
    """The metrics of one process. The seconds cannot be added up without rounding."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self._ended = Counter("ended", "Meaning.", ["kind"], registry=registry)
        self._seconds = Histogram("seconds", "Meaning.", buckets=(1.0,), registry=registry)

    def count(self, number: int) -> None:
        """Count one event of one of three kinds, and a duration."""
        self._ended.labels(str(number % 3)).inc()
        self._seconds.observe(0.1 * (number % 7))


def run(work: Callable[[], None], *, killed: bool) -> int:
    """Start a process that works and then ends, or is killed. Return its id."""
    process_id = os.fork()
    if process_id:
        return process_id
    work()
    if killed:
        os.kill(os.getpid(), signal.SIGKILL)
    os._exit(0)


def count_all(metrics: Metrics) -> None:
    """Count everything that one process counts."""
    for number in range(COUNTS):
        metrics.count(number)


def sums(files: ProcessFiles) -> dict[str, float]:
    """Return the sums of all time series, by name and labels."""
    found = {}
    for totals in files.totals().values():
        for key, value in totals.items():
            _metric, name, labels, _meaning = json.loads(key)
            found[f"{name}{sorted(labels.items())}"] = value
    return found


def replace_processes(folder: Path) -> dict[str, object]:
    """Start and end processes while two threads merge and scrape.

    The next three processes start after another scrape, so that a slow machine sees as many.
    """
    files, metrics = ProcessFiles(folder), Metrics()
    scrapes: list[dict[str, float]] = []
    scraped, done = threading.Event(), threading.Event()

    def merge() -> None:
        while not done.is_set():
            files.merge()

    def scrape() -> None:
        while not done.is_set():
            scrapes.append(sums(files))
            scraped.set()

    threads = [threading.Thread(target=work) for work in (merge, scrape)]
    for thread in threads:
        thread.start()
    for number in range(0, PROCESSES, 3):
        scraped.clear()
        started = [
            run(lambda: count_all(metrics), killed=(number + one) % 2 == 0) for one in range(3)
        ]
        for process_id in started:
            os.waitpid(process_id, 0)
        scraped.wait()
    done.set()
    for thread in threads:
        thread.join()
    files.merge()
    decreases = [
        name
        for earlier, later in zip(scrapes, [*scrapes[1:], sums(files)], strict=True)
        for name, value in earlier.items()
        if later.get(name, -1.0) < value
    ]
    return {"sums": sums(files), "scrapes": len(scrapes), "decreases": decreases}


def kill_merges(folder: Path) -> dict[str, object]:
    """Kill one merge after the other, each one operation later, until a merge ends by itself.

    Before each of them two processes count, and after it another one, whose files are merged
    together with what was left.
    """
    files, metrics = ProcessFiles(folder), Metrics()
    after_kills: list[dict[str, float]] = []
    after_merges: list[dict[str, float]] = []
    status = -1
    while status:
        for _ in range(2):
            os.waitpid(run(lambda: count_all(metrics), killed=True), 0)
        merging = run(lambda: merge_until(len(after_kills), folder), killed=False)
        _, status = os.waitpid(merging, 0)
        after_kills.append(sums(files))
        os.waitpid(run(lambda: count_all(metrics), killed=True), 0)
        files.merge()
        after_merges.append(sums(files))
    return {
        "kills": len(after_kills),
        "after_kills": after_kills,
        "after_merges": after_merges,
    }


def merge_until(operation: int, folder: Path) -> None:
    """Merge, and be killed before the operation with this number."""
    left = operation

    def kill(event: str, _arguments: object) -> None:
        nonlocal left
        if event in OPERATIONS:
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1

    sys.addaudithook(kill)
    ProcessFiles(folder).merge()


if __name__ == "__main__":
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = sys.argv[1]
    reserve_files()
    scenario = {"replace": replace_processes, "kill": kill_merges}[sys.argv[2]]
    sys.stdout.write(json.dumps(scenario(Path(sys.argv[1]))))
