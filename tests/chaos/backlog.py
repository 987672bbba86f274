"""Samples the queue and the data lake, and measures how long a backlog takes to drain."""

import threading
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from statistics import mean
from typing import NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from testbed.traffic.sending import depth
from tests.chaos.fleet import Fleet
from tests.chaos.schedule import Episode
from tests.chaos.servers import Servers

_SECONDS_BETWEEN_SAMPLES = 0.25
_BEFORE_SECONDS = 3.0


class Sample(NamedTuple):
    """The messages on the queue and the bytes in the lake, `at` seconds after the run began.

    `all_ready` is whether all workers were ready.
    """

    at: float
    depth: int
    in_lake: int = 0
    all_ready: bool = True


@dataclass(frozen=True, slots=True)
class Drain:
    """The backlog of a fault: its size before the fault, and the largest during it.

    `seconds` is the time from the end of the fault until the backlog was as small as before. It is
    None if that never happened.
    """

    fault: str
    before: float
    highest: int
    seconds: float | None


class Backlog:
    """Samples the queue and the lake in a thread. A failed call adds no sample."""

    def __init__(self, *, servers: Servers, fleet: Fleet, begun_at: float) -> None:
        self.samples: list[Sample] = []
        self._sqs = servers.sqs()
        self._queue_url = servers.queue_url
        self._lake = servers.lake
        self._fleet = fleet
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
                at = time.monotonic() - self._begun_at
                lake = self._lake.size()
                self.samples.append(Sample(at, found, lake, self._fleet.all_ready))


def drains(*, episodes: Sequence[Episode], samples: Sequence[Sample], usual: float) -> list[Drain]:
    """Return the drain of each fault. A queue with at most `usual` messages counts as drained."""
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
