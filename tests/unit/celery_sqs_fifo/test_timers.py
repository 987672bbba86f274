"""A worker frees the memory of cancelled timers."""

from typing import Any

from kombu.asynchronous import get_event_loop, set_event_loop
from kombu.asynchronous.timer import Timer
from kombu.connection import Connection

from celery_sqs_fifo.timers import FORGET_EVERY, forget_cancelled
from tests.support.fake_loop import FakeLoop


def test_cancelled_timers_are_removed_and_the_remaining_ones_fire_in_order() -> None:
    timer, fired = Timer(), list[int]()
    entries = [timer.call_after(-number, fired.append, (number,)) for number in range(100)]
    for entry in entries[::2]:
        entry.cancel()

    forget_cancelled(timer)

    assert len(timer) == 50
    for _, entry in timer:
        if entry:
            entry()
        if not timer.queue:
            break
    assert fired == list(range(99, 0, -2))


def test_removing_cancelled_timers_while_timers_fire_loses_no_timer() -> None:
    timer, fired = Timer(), list[str]()
    timer.call_after(-2, forget_cancelled, (timer,))
    timer.call_after(-1, fired.append, ("cancelled",)).cancel()
    timer.call_after(-1, fired.append, ("due",))

    for _, entry in timer:
        if entry:
            entry()
        if not timer.queue:
            break

    assert fired == ["due"]


def test_a_worker_removes_cancelled_timers_repeatedly() -> None:
    class Loop(FakeLoop):
        timer = Timer()
        create_loop: Any = staticmethod(list)
        fire_timers: Any = staticmethod(list)
        _pop_ready: Any = staticmethod(list)

    loop, before = Loop(), get_event_loop()
    with Connection("sqs://", transport="celery_sqs_fifo.transport:Transport") as connection:
        connection.transport.register_with_event_loop(connection, loop)
        set_event_loop(before)

    for _ in range(2):
        loop.timer.call_after(600, list).cancel()
        assert len(loop.timer) == 1
        loop.advance(FORGET_EVERY)
        assert len(loop.timer) == 0
