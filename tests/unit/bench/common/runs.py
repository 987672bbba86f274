"""Runs of benchmarks with made-up results, for tests."""

from collections import Counter
from typing import TypeVar

from bench.common.backlog import Backlog
from bench.common.costs import Counts
from bench.common.run import Header, Run

Result = TypeVar("Result")
HEADER = Header(
    command="make something",
    commit="",
    date="2026-11-24",
    cores=2,
    processor="Abacus 3000",
    memory_gigabytes=8,
    system="Linux 6",
    python="3.11.7",
    packages={"celery": "5.7.0"},
    load=(0.25, 1.5),
)


def run_of(result: Result) -> Run[Result]:
    """Return a run with this result."""
    return Run(header=HEADER, result=result)


BACKLOG = Backlog(
    events=1_000,
    seconds=0.5,
    memory=[(0, 100.0), (90, 120.0), (200, 150.0), (900, 154.0), (1_000, 152.0)],
    counts=Counts(
        cpu_seconds=0.75,
        sqs=Counter(DeleteMessageBatch=100, ReceiveMessage=110),
        dynamodb=Counter(BatchWriteItem=100),
        write_units=1_000,
        read_units=0.0,
        sql=120,
    ),
    inversions=0,
    repeated=0,
)
