"""All sources are read at the same time, and none of them delays the status beyond its deadline."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from operations.status import reading
from operations.status.reading import Source, Unanswered, read_all

WITHIN = 0.3
OTHERS = [source.field for source in reading.SOURCES if source.field != "queues"]


@pytest.fixture(autouse=True)
def _own_readers() -> Iterator[None]:
    """Forget the readers of other tests, whose threads may still be running."""
    reading._readers.cache_clear()
    yield
    reading._readers.cache_clear()


def read_with(monkeypatch: pytest.MonkeyPatch, read_queues: Callable[[], Any]) -> Any:
    """Read all sources. All but the queues answer with their names."""
    sources = [Source(field="queues", peer="SQS", read=read_queues)]
    sources += [Source(field=name, peer="A peer", read=lambda name=name: name) for name in OTHERS]  # type: ignore[misc]
    monkeypatch.setattr(reading, "SOURCES", sources)
    return read_all(within=WITHIN)


def test_a_source_that_hangs_is_unknown_and_the_others_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended = threading.Event()
    begun_at = time.monotonic()

    readings = read_with(monkeypatch, lambda: ended.wait(30))

    assert time.monotonic() - begun_at < 10 * WITHIN
    assert readings.queues == Unanswered(sentence="SQS did not answer within 0.3 s.")
    assert [getattr(readings, name) for name in OTHERS] == OTHERS
    ended.set()


def test_a_source_that_still_hangs_is_not_read_a_second_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended = threading.Event()
    begun: list[str] = []

    def hang() -> None:
        begun.append("reading")
        ended.wait(30)

    for _ in range(3):
        assert isinstance(read_with(monkeypatch, hang).queues, Unanswered)
    assert begun == ["reading"]
    ended.set()


def test_sources_are_read_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(len(reading.SOURCES), timeout=5)
    sources = [
        Source(field=source.field, peer="A peer", read=together.wait) for source in reading.SOURCES
    ]
    monkeypatch.setattr(reading, "SOURCES", sources)

    readings = read_all(within=5)

    assert not any(
        isinstance(getattr(readings, source.field), Unanswered) for source in reading.SOURCES
    )


def test_an_error_is_named_by_its_type_and_its_text_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail() -> None:
        raise RuntimeError("password=hunter2")

    readings = read_with(monkeypatch, fail)

    assert readings.queues == Unanswered(sentence="SQS cannot be read (RuntimeError).")
