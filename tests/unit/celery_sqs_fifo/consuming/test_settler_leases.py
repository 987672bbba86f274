"""The settler renews leases of held messages, notices lost ones, and ends them at shutdown."""

from itertools import islice

import pytest

from celery_sqs_fifo import DONE, WAITING
from tests.support.fake_calls import delivery, names
from tests.unit.celery_sqs_fifo.consuming.test_settler import (
    BUG,
    CHANGE,
    DELETE,
    EITHER_WAY,
    INVALID,
    SEND,
    UNAVAILABLE,
    Held,
    handles,
)

HOUR = 3600.0


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    return Held(monkeypatch)


def keep_leases_for(held: Held, seconds: float) -> None:
    for _ in range(int(seconds // 45)):
        held.loop.advance(45)
        held.settler.keep_leases()


def lose_leases(held: Held, *lost: str) -> None:
    """Lose these leases when they are renewed, before the held events run again."""
    held.calls.refused = {f"handle-{name}": "ReceiptHandleIsInvalid" for name in lost}
    held.loop.now += 31
    held.settler.keep_leases()
    held.calls.refused = {}


def test_leases_of_waiting_running_held_and_undeleted_messages_are_renewed(held: Held) -> None:
    groups = ("running", "held", "quarantine", "done")
    held.calls.at_once -= {SEND, DELETE}
    held.admit(*[delivery(group, group=group) for group in groups])
    running = held.take(1)
    held.run(UNAVAILABLE)
    held.run(INVALID)
    held.run(DONE)
    held.admit(delivery("waiting", group="running"))
    held.settler.flush()
    held.loop.now += 31
    held.settler.keep_leases()

    assert names(running) == ["running"]
    assert set(held.calls.renewed) == {f"handle-{group}" for group in (*groups, "waiting")}


def test_nothing_is_renewed_before_half_of_the_lease_is_over(held: Held) -> None:
    held.admit(delivery())
    held.loop.advance(29)
    held.settler.keep_leases()

    assert held.calls.renewed == []


def test_a_held_event_is_given_back_after_eleven_hours(held: Held) -> None:
    held.admit(delivery("old"))
    held.run(UNAVAILABLE)
    held.loop.now += 11 * HOUR - 1
    held.settler.keep_leases()
    assert held.calls.released == []

    held.loop.now += 2
    held.settler.keep_leases()
    assert (held.calls.released, held.gate.held) == (["handle-old"], 0)


def test_an_event_that_waits_for_an_open_circuit_is_given_back_after_eleven_hours(
    held: Held,
) -> None:
    """While the circuit is open, no event runs, and an outage may last for hours."""
    held.admit(delivery("old"), delivery("behind"))
    keep_leases_for(held, 11 * HOUR + 60)

    assert sorted(held.calls.released) == ["handle-behind", "handle-old"]
    assert held.gate.held == 0


def test_an_old_message_that_is_given_back_leaves_room_for_others(held: Held) -> None:
    held.admit(delivery("old"))
    held.run(UNAVAILABLE)
    before = held.progress
    held.loop.now += 11 * HOUR + 1
    held.settler.keep_leases()

    assert held.progress > before


def test_a_lease_lost_while_waiting_drops_the_message_and_later_ones(held: Held) -> None:
    held.admit(delivery("lost"), delivery("behind"), delivery("other", group="other"))
    lose_leases(held, "lost")

    assert names(held.gate) == ["other"]
    assert held.calls.released == ["handle-behind"]


def test_a_lease_lost_while_held_forgets_the_event(held: Held) -> None:
    held.admit(delivery("lost"))
    held.run(BUG)
    lose_leases(held, "lost")
    held.loop.advance(60)

    assert (held.gate.held, held.take(), held.calls.released) == (0, [], [])


def test_a_lease_lost_while_running_drops_later_messages_and_lets_the_run_finish(
    held: Held,
) -> None:
    held.admit(delivery("lost"), delivery("behind"))
    batch = held.take(1)
    lose_leases(held, "lost")
    assert (names(held.gate), held.calls.released) == (["lost"], ["handle-behind"])

    held.calls.refused = {"handle-lost": "ReceiptHandleIsInvalid"}
    held.settler.settle(batch, [DONE])
    held.settler.flush()
    assert (held.gate.held, held.gate.group_ids) == (0, [])


def test_if_a_lease_is_lost_while_the_event_is_copied_nothing_is_deleted(
    held: Held,
) -> None:
    held.calls.at_once.remove(SEND)
    held.admit(delivery("lost"))
    held.run(INVALID)
    lose_leases(held, "lost")
    held.calls.answer(SEND)
    held.settler.flush()

    assert (held.calls.deleted, held.gate.held) == ([], 0)


def test_a_lost_lease_leaves_room_for_others(held: Held) -> None:
    held.admit(delivery("lost"))
    held.run(UNAVAILABLE)
    before = held.progress
    lose_leases(held, "lost")

    assert held.progress > before


def test_a_delete_after_the_end_of_its_lease_gives_back_waiting_messages_of_its_group(
    held: Held,
) -> None:
    held.admit(delivery("late"), delivery("close", is_barrier=True), delivery("behind"))
    held.calls.refused = {"handle-late": "ReceiptHandleIsInvalid"}
    before = held.progress
    held.run(DONE)
    held.settler.flush()

    assert held.calls.released == ["handle-close", "handle-behind"]
    assert (held.gate.held, held.gate.group_ids) == (0, [])
    assert held.progress > before


def test_a_message_whose_lease_is_nearly_over_is_given_back(held: Held) -> None:
    held.admit(delivery("late"), delivery("behind"), delivery("other", group="other"))
    batch = held.take(1)
    batch[0].lease_until = held.loop.now + 5.9

    assert held.settler.release_nearly_over(batch) == []
    assert held.calls.released == ["handle-late", "handle-behind"]
    assert names(held.take()) == ["other"]


def test_a_message_is_given_back_after_an_earlier_one_of_its_group(held: Held) -> None:
    held.admit(delivery("late"), delivery("behind"), delivery("other", group="other"))
    batch = held.take()
    batch[0].lease_until = held.loop.now + 1

    assert names(held.settler.release_nearly_over(batch)) == ["other"]
    assert held.calls.released == ["handle-late", "handle-behind"]


def test_at_stop_all_messages_that_are_not_running_are_released_immediately(held: Held) -> None:
    running = ["running", "behind"]
    held.admit(*[delivery(name, group="g") for name in running])
    held.admit(delivery("held", group="p"), delivery("other", group="o"))
    held.take(1)
    held.run(UNAVAILABLE)
    held.calls.wait = True
    held.settler.stop()

    assert set(held.calls.released) == {"handle-held", "handle-behind", "handle-other"}
    assert names(held.gate) == ["running"]


def test_at_stop_finished_messages_are_deleted_at_once(held: Held) -> None:
    held.admit(delivery("done"))
    held.run(DONE)
    assert held.calls.deleted == []

    held.calls.wait = True
    held.settler.stop()
    assert held.calls.deleted == ["handle-done"]


@EITHER_WAY
def test_results_that_come_after_stop_are_deleted_or_given_back_at_once(
    held: Held, max_events: int
) -> None:
    names_ = ("done", "unavailable", "waiting", "bug", "invalid")
    held.admit(*[delivery(name, group=name) for name in names_])
    batches = held.take_all(max_events)
    held.calls.wait = True
    held.settler.stop()
    outcomes = iter([DONE, UNAVAILABLE, WAITING, BUG, INVALID])
    for batch in batches:
        held.settler.settle(batch, list(islice(outcomes, len(batch))))

    assert held.calls.deleted == ["handle-done", "handle-invalid"]
    assert held.calls.released == ["handle-unavailable", "handle-waiting", "handle-bug"]
    assert (held.quarantined, held.gate.held) == (["invalid"], 0)
    before = len(held.calls.made)
    held.loop.advance(60)
    assert len(held.calls.made) == before


def test_a_batch_that_is_lost_after_stop_is_given_back_in_order(held: Held) -> None:
    held.admit(delivery("1"), delivery("2"), delivery("3"))
    batch = held.take()
    held.calls.wait = True
    held.settler.stop()
    held.settler.settle(batch, None)

    assert sorted(held.calls.released) == handles(*batch)
    assert held.gate.held == 0


def test_a_quarantine_that_is_refused_after_stop_gives_the_event_back(held: Held) -> None:
    held.admit(delivery("bad"))
    batch = held.take()
    held.calls.wait = True
    held.calls.errors = {SEND: "EndpointConnectionError"}
    held.settler.stop()
    held.settler.settle(batch, [INVALID])

    assert (held.calls.released, held.calls.deleted) == (["handle-bad"], [])


def test_an_event_whose_copy_is_on_its_way_at_stop_is_not_given_back(held: Held) -> None:
    """Another worker would run it, in addition to the dead letter."""
    held.calls.at_once.remove(SEND)
    held.admit(delivery("bad"), delivery("behind"))
    held.run(INVALID)
    held.calls.wait = True
    held.settler.stop()
    assert held.calls.released == ["handle-behind"]

    held.calls.answer(SEND)
    assert held.calls.deleted == ["handle-bad"]


def test_when_sqs_cannot_be_reached_at_stop_nothing_is_raised(held: Held) -> None:
    held.admit(delivery("1"), delivery("2", group="other"))
    batch = held.take(1)
    held.calls.wait = True
    held.calls.errors = dict.fromkeys((SEND, DELETE, CHANGE), "EndpointConnectionError")
    held.settler.stop()
    held.settler.settle(batch, [DONE])

    assert held.gate.held == 0
