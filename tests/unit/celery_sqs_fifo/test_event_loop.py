"""A guarded hub continues after errors of its callbacks, and runs all timers that are due."""

import errno
import logging
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kombu.asynchronous import Hub

from celery_sqs_fifo.event_loop import Survival
from celery_sqs_fifo.observing import failures


@pytest.fixture
def hub() -> Iterator[Any]:
    hub = Hub()
    Survival().guard(hub)
    yield hub
    hub.close()


def bad_descriptor() -> None:
    raise OSError(errno.EBADF, "Bad file descriptor")


def schedule_soon(hub: Any, callback: Callable[[], None]) -> None:
    hub.call_soon(callback)


def schedule_timer(hub: Any, callback: Callable[[], None]) -> None:
    hub.call_later(0, callback)


def schedule_reader(hub: Any, callback: Callable[[], None]) -> None:
    read_fd, write_fd = os.pipe()

    def read() -> None:
        hub.remove(read_fd)
        os.close(read_fd)
        callback()

    hub.add_reader(read_fd, read)
    os.write(write_fd, b"x")
    os.close(write_fd)


@pytest.mark.parametrize("schedule", [schedule_soon, schedule_timer, schedule_reader])
def test_all_callbacks_run_even_if_one_of_them_fails(
    hub: Any, schedule: Callable[..., None]
) -> None:
    called: list[int] = []
    # As in Celery, where timers also raise errors of the broker's connection.
    hub.propagate_errors = (OSError,)
    for number in range(5):
        schedule(hub, lambda number=number: called.append(number))
        schedule(hub, bad_descriptor)
    loop = hub.create_loop()
    for _ in range(15):
        next(loop)

    assert sorted(called) == [0, 1, 2, 3, 4]


def test_errors_are_counted_and_logged_once_for_each_place(
    hub: Any, caplog: pytest.LogCaptureFixture
) -> None:
    before = failures["event_loop"]
    loop = hub.create_loop()
    for _ in range(5):
        hub.call_soon(bad_descriptor)
        next(loop)

    assert failures["event_loop"] == before + 5
    (record,) = [one for one in caplog.records if one.message == "event_loop_error"]
    assert record.levelno == logging.ERROR
    assert record.__dict__["errno"] == errno.EBADF


def test_an_error_of_another_type_is_raised(hub: Any) -> None:
    def bug() -> None:
        raise RuntimeError

    hub.call_soon(bug)
    with pytest.raises(RuntimeError):
        next(hub.create_loop())


def test_one_turn_of_the_loop_runs_all_due_timers(hub: Any) -> None:
    called: list[int] = []
    for number in range(500):
        hub.call_later(0, called.append, number)
    next(hub.create_loop())

    assert len(called) == 500


def test_guarding_a_hub_twice_has_no_further_effect(hub: Any) -> None:
    guarded = hub.create_loop
    Survival().guard(hub)

    assert hub.create_loop is guarded
