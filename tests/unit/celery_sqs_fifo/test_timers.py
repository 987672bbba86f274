"""A worker frees the memory of cancelled timers."""

from kombu.asynchronous.timer import Timer

from celery_sqs_fifo.timers import FORGET_EVERY, forget_cancelled
from celery_sqs_fifo.transport import Transport
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

    loop = Loop()
    Transport.register_with_event_loop(object.__new__(Transport), None, loop)

    for _ in range(2):
        loop.timer.call_after(600, list).cancel()
        assert len(loop.timer) == 1
        loop.advance(FORGET_EVERY)
        assert len(loop.timer) == 0
