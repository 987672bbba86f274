"""A dependency is read in a thread, at most once at a time, and nobody waits beyond a deadline."""

import threading
from time import monotonic
from unittest.mock import Mock

import pytest

from observability.background_reading import BackgroundReader


def test_the_answer_is_returned_as_soon_as_it_is_there() -> None:
    reader = BackgroundReader(name="pond", read=lambda: "deep")
    reader.refresh()

    assert reader.answer(deadline=monotonic() + 30) == "deep"


def test_a_reading_that_hangs_is_not_waited_for_and_no_second_one_begins() -> None:
    answered = threading.Event()
    begun: list[str] = []

    def hang() -> str:
        begun.append("reading")
        answered.wait(30)
        return "deep"

    reader = BackgroundReader(name="pond", read=hang)
    for _ in range(2):
        reader.refresh()
        assert reader.answer(deadline=monotonic() + 0.05) is None
    assert begun == ["reading"]

    answered.set()
    assert reader.answer(deadline=monotonic() + 30) == "deep"


def test_an_answer_is_used_again_while_it_is_young() -> None:
    numbers = iter(range(10))
    reader = BackgroundReader(name="pond", read=lambda: next(numbers))
    found = []
    for max_age in (60.0, 60.0, 0.0):
        reader.refresh(max_age=max_age)
        found.append(reader.answer(deadline=monotonic() + 30))

    assert found == [0, 0, 1]


def test_a_thread_that_could_not_start_does_not_end_the_readings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader = BackgroundReader(name="pond", read=lambda: "deep")
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", Mock(side_effect=RuntimeError))
        with pytest.raises(RuntimeError):
            reader.refresh()
    reader.refresh()

    assert reader.answer(deadline=monotonic() + 1) == "deep"
