"""Samples the backlog of the queue, and measures how long it takes to drain after a fault."""

import threading
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from statistics import mean
from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from testbed.traffic.sending import depth
from tests.chaos.schedule import Episode

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_SECONDS_BETWEEN_SAMPLES = 0.25
_BEFORE_SECONDS = 3.0


class Sample(NamedTuple):
    """The number of messages on the queue, `at` seconds after the run began."""

    at: float
    depth: int


class Drain(NamedTuple):
    """How the backlog drained: `seconds` from the end of a fault until it was as small as before.

    `seconds` is None if the backlog never became that small.
    """

    fault: str
    before: float
    highest: int
    seconds: float | None


class Backlog:
    """Samples the queue in a thread. A failed call adds no sample."""

    def __init__(self, *, sqs: "SQSClient", queue_url: str, begun_at: float) -> None:
        self.samples: list[Sample] = []
        self._sqs = sqs
        self._queue_url = queue_url
        self._begun_at = begun_at
        self._stop = threading.Event()

    @contextmanager
    def watched(self) -> Iterator[None]:
        thread = threading.Thread(target=self._watch)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(_SECONDS_BETWEEN_SAMPLES):
            with suppress(BotoCoreError, ClientError):
                found = depth(self._sqs, self._queue_url)
                self.samples.append(Sample(time.monotonic() - self._begun_at, found))


def drains(*, episodes: Sequence[Episode], samples: Sequence[Sample], usual: float) -> list[Drain]:
    """Return the drain of each fault. At most `usual` messages count as drained."""
    return [_drain(episode, samples=samples, usual=usual) for episode in episodes]


def _drain(episode: Episode, *, samples: Sequence[Sample], usual: float) -> Drain:
    times = [sample.at for sample in samples]
    begins, ends = bisect_left(times, episode.begins), bisect_left(times, episode.ends)
    first = bisect_left(times, episode.begins - _BEFORE_SECONDS)
    before = mean(sample.depth for sample in samples[first:begins]) if begins > first else 0.0
    goal = max(before, usual)
    highest = 0
    drained_at = None
    for index, sample in enumerate(samples[begins:], begins):
        highest = max(highest, sample.depth)
        if index >= ends and sample.depth <= goal:
            drained_at = sample.at
            break
    return Drain(
        fault=episode.name,
        before=round(before, 1),
        highest=highest,
        seconds=None if drained_at is None else round(max(0.0, drained_at - episode.ends), 2),
    )
