"""The circuit opens for an outage but not for one failing event, and probes until it can close."""

import logging
from collections.abc import Callable

import pytest

from celery_sqs_fifo import Backoff
from celery_sqs_fifo.consuming.circuit import Circuit
from tests.support.fake_loop import FakeLoop


class Outage:
    """A circuit with fake collaborators. Counts its probes and how often it closed."""

    def __init__(self, *, has_probe: bool = True) -> None:
        self.loop = FakeLoop()
        self.probes = 0
        self.closed = 0
        self.needs_probe = True
        self.circuit = Circuit(
            now=self.loop.monotonic,
            threshold=3,
            window=5,
            backoff=Backoff(first=0.5, longest=4),
            call_later=self.loop.call_later,
            run_probe=self._probe if has_probe else None,
            needs_probe=lambda: self.needs_probe,
            on_closed=self._on_closed,
        )

    def begin(self) -> None:
        self.circuit.start()
        self.circuit.on_probed(succeeded=True)
        self.probes = self.closed = 0

    def fail(self, *groups: str) -> None:
        for group in groups:
            self.circuit.note_unavailable(group, error="down")

    def fail_unexpectedly(self, *groups: str) -> None:
        for group in groups:
            self.circuit.note_unexpected(group, cause="a.py:1 f > KeyError")

    def _probe(self) -> None:
        self.probes += 1

    def _on_closed(self) -> None:
        self.closed += 1


@pytest.fixture
def outage() -> Outage:
    outage = Outage()
    outage.begin()
    return outage


def test_a_worker_starts_with_a_probe_before_it_receives() -> None:
    outage = Outage()
    outage.circuit.start()
    assert (outage.circuit.is_open, outage.probes, outage.closed) == (True, 1, 0)

    outage.circuit.on_probed(succeeded=True)
    assert (outage.circuit.is_open, outage.closed) == (False, 1)


def test_without_a_probe_the_circuit_is_closed_from_the_start_and_never_opens() -> None:
    outage = Outage(has_probe=False)
    outage.circuit.start()
    assert (outage.circuit.is_open, outage.closed) == (False, 1)

    outage.fail("a", "b", "c", "d")
    assert outage.circuit.is_open is False


def test_the_circuit_opens_when_events_of_enough_groups_fail_within_the_window(
    outage: Outage,
) -> None:
    outage.fail("a", "b")
    assert outage.circuit.is_open is False

    outage.loop.advance(5)
    outage.fail("c")
    assert outage.circuit.is_open is True


def test_one_group_that_fails_again_and_again_is_not_an_outage(outage: Outage) -> None:
    for _ in range(100):
        outage.fail("a", "b")

    assert (outage.circuit.is_open, outage.probes) == (False, 0)


def test_failures_before_the_window_do_not_count(outage: Outage) -> None:
    outage.fail("a", "b")
    outage.loop.advance(5.1)
    outage.fail("c", "d")

    assert outage.circuit.is_open is False


def test_probes_run_one_at_a_time_with_growing_delays_until_one_succeeds(outage: Outage) -> None:
    outage.fail("a", "b", "c")
    delays = []
    for number in range(1, 7):
        assert (outage.probes, len(outage.loop.delays)) == (number - 1, 1)
        delays += outage.loop.delays
        outage.loop.advance(delays[-1])
        assert (outage.probes, outage.loop.delays) == (number, [])
        outage.circuit.on_probed(succeeded=False)

    assert delays == [0.5, 0.5, 1, 2, 4, 4]
    outage.circuit.on_probed(succeeded=True)
    assert (outage.circuit.is_open, outage.closed) == (False, 1)


def test_failures_while_the_circuit_is_open_start_no_second_probe(outage: Outage) -> None:
    outage.fail("a", "b", "c", "d", "e")
    outage.fail("f", "g", "h")

    assert len(outage.loop.delays) == 1


def test_failures_during_the_first_probe_start_no_second_one() -> None:
    outage = Outage()
    outage.circuit.start()
    outage.fail("a", "b", "c")

    assert (outage.probes, outage.loop.delays) == (1, [])


def test_after_an_outage_only_new_failures_open_the_circuit_again(outage: Outage) -> None:
    outage.fail("a", "b", "c")
    outage.loop.advance(0.5)
    outage.circuit.on_probed(succeeded=True)
    outage.loop.advance(61)
    outage.fail("a", "b")
    assert outage.circuit.is_open is False

    outage.fail("c")
    assert outage.circuit.is_open is True


def test_a_cause_that_returns_within_a_minute_of_a_successful_probe_is_probed_first(
    outage: Outage,
) -> None:
    outage.fail("a", "b", "c")
    outage.loop.advance(0.5)
    outage.circuit.on_probed(succeeded=True)
    for _ in range(10):
        outage.loop.advance(40)
        outage.fail("a", "b", "c", "d")
        outage.loop.advance(0.5)
        assert outage.circuit.is_open is False
        outage.circuit.on_probed(succeeded=True)
    assert outage.probes == 11

    outage.fail("a", "b", "c")
    outage.loop.advance(0.5)
    outage.circuit.on_probed(succeeded=False)
    assert outage.circuit.is_open is True


def test_another_cause_opens_the_circuit_within_a_minute_of_a_successful_probe(
    outage: Outage,
) -> None:
    outage.fail("a", "b", "c")
    outage.circuit.on_probed(succeeded=True)
    for group in "abc":
        outage.circuit.note_unavailable(group, error="another")

    assert outage.circuit.is_open is True


def test_unexpected_failures_open_the_circuit_only_if_a_probe_fails(outage: Outage) -> None:
    outage.fail_unexpectedly("a", "b", "c", "d")
    assert (outage.circuit.is_open, outage.probes) == (False, 0)

    outage.loop.advance(0.5)
    assert (outage.circuit.is_open, outage.probes) == (False, 1)
    outage.circuit.on_probed(succeeded=False)
    assert outage.circuit.is_open is True
    outage.loop.advance(1)
    assert outage.probes == 2


def test_an_unexpected_failure_of_fewer_groups_is_probed_and_opens_nothing(outage: Outage) -> None:
    delays = []
    for number in range(1, 6):
        outage.fail_unexpectedly("a", "b")
        delays += outage.loop.delays
        outage.loop.advance(delays[-1])
        assert outage.probes == number
        outage.circuit.on_probed(succeeded=False)
        assert (outage.circuit.is_open, outage.loop.delays) == (False, [])

    assert delays == [0.5, 1, 2, 4, 4]


def test_no_probe_runs_for_unexpected_failures_if_a_later_run_succeeded(
    outage: Outage,
) -> None:
    outage.fail_unexpectedly("a", "b", "c")
    outage.needs_probe = False
    outage.loop.advance(10)
    assert (outage.circuit.is_open, outage.probes) == (False, 0)

    outage.needs_probe = True
    outage.fail_unexpectedly("a")
    outage.loop.advance(0.5)
    assert outage.probes == 1


def test_the_next_outage_starts_with_the_shortest_delay(outage: Outage) -> None:
    outage.fail("a", "b", "c")
    for _ in range(3):
        outage.loop.advance(10)
        outage.circuit.on_probed(succeeded=False)
    outage.loop.advance(10)
    outage.circuit.on_probed(succeeded=True)

    outage.loop.advance(61)
    outage.fail("a", "b", "c")
    assert outage.loop.delays == [0.5]


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.INFO, "celery_sqs_fifo")
    return lambda: [record.message for record in caplog.records]


def test_the_start_and_the_end_of_an_outage_are_logged_once(
    outage: Outage, logged: Callable[[], list[str]]
) -> None:
    outage.fail("a", "b", "c", "d", "e")
    for _ in range(5):
        outage.circuit.on_probed(succeeded=False)
    outage.circuit.on_probed(succeeded=True)
    outage.circuit.on_probed(succeeded=True)

    assert logged() == [
        "circuit_opened",
        "probe_failed",
        "circuit_closed",
    ]
