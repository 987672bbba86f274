"""The gate: which messages may run, in which order, and in which batches."""

from typing import Any

from hypothesis import settings

from celery_sqs_fifo.consuming.gate import Gate
from celery_sqs_fifo.delivery import Delivery
from tests.support.fake_calls import delivery, names
from tests.unit.celery_sqs_fifo.consuming.test_gate_model import GateAgainstModel

TestGateAgainstModel = GateAgainstModel.TestCase
TestGateAgainstModel.settings = settings(max_examples=150, stateful_step_count=40, derandomize=True)


def admit(gate: Gate, *deliveries: Delivery) -> None:
    for one in deliveries:
        gate.admit(one)


def take(gate: Gate, *, max_events: int = 10, max_bytes: int = 1_000) -> list[str]:
    return names(gate.take(max_events=max_events, max_bytes=max_bytes))


def test_messages_of_one_group_run_one_after_the_other() -> None:
    gate = Gate()
    first, second = delivery("1"), delivery("2")
    admit(gate, first, second)

    assert take(gate, max_events=1) == ["1"]
    assert take(gate, max_events=1) == []
    gate.finish(first)
    assert take(gate, max_events=1) == ["2"]


def test_a_hot_group_with_ten_waiting_never_keeps_others_from_running() -> None:
    gate = Gate()
    hot = [delivery(f"hot-{number}", group="hot") for number in range(11)]
    admit(gate, *hot)
    assert take(gate, max_events=1) == ["hot-0"]

    for number in range(5):
        admit(gate, delivery(f"other-{number}", group=f"other-{number}"))
    assert [take(gate, max_events=1) for _ in range(5)] == [
        [f"other-{number}"] for number in range(5)
    ]


def test_groups_take_turns() -> None:
    gate = Gate()
    admit(gate, delivery("a1", group="a"), delivery("a2", group="a"), delivery("b1", group="b"))

    (first,) = gate.take(max_events=1, max_bytes=1_000)
    gate.finish(first)
    assert [names([first]), take(gate, max_events=1), take(gate, max_events=1)] == [
        ["a1"],
        ["b1"],
        ["a2"],
    ]


def test_a_barrier_waits_until_the_deletes_before_it_are_confirmed() -> None:
    gate = Gate()
    one, two = delivery("1"), delivery("2")
    close = delivery("close", is_barrier=True)
    admit(gate, one, two, close)

    assert take(gate) == ["1", "2"]
    gate.finish(one)
    gate.finish(two)
    assert (take(gate), gate.waits_for_deletes("g")) == ([], True)
    gate.confirm(one)
    assert take(gate) == []
    gate.confirm(two)
    assert take(gate) == ["close"]


def test_messages_after_a_barrier_wait_until_its_delete_is_confirmed() -> None:
    gate = Gate()
    close, after = delivery("close", is_barrier=True), delivery("after")
    admit(gate, close, after)

    assert take(gate) == ["close"]
    gate.finish(close)
    assert (take(gate), gate.waits_for_deletes("g")) == ([], True)
    gate.confirm(close)
    assert take(gate) == ["after"]


def test_an_event_that_is_no_barrier_does_not_wait_for_deletes() -> None:
    gate = Gate()
    first, second = delivery("1"), delivery("2")
    admit(gate, first, second)
    gate.take(max_events=1, max_bytes=1_000)
    gate.finish(first)

    assert gate.waits_for_deletes("g") is False
    assert take(gate) == ["2"]


def test_an_event_that_goes_alone_without_being_a_barrier_causes_no_waits_for_deletes() -> None:
    gate = Gate()
    first, single = delivery("1"), delivery("single", is_single=True)
    admit(gate, first, single, delivery("2"))

    assert take(gate) == ["1"]
    gate.finish(first)
    assert take(gate) == ["single"]
    gate.finish(single)
    assert take(gate) == ["2"]


def test_the_rest_of_a_backlog_waits_on_the_queue_until_all_is_deleted() -> None:
    gate = Gate()
    one, two = (delivery(name, has_backlog=True) for name in "12")
    admit(gate, one, two)
    gate.take(max_events=10, max_bytes=1_000)
    gate.finish(one)
    assert (gate.waits_for_deletes("g"), gate.is_idle) == (False, False)

    gate.finish(two)
    assert (gate.waits_for_deletes("g"), gate.is_idle) == (True, True)
    gate.confirm(one)
    gate.confirm(two)
    assert gate.waits_for_deletes("g") is False


def test_a_gate_with_something_to_run_is_not_idle() -> None:
    gate = Gate()
    admit(gate, delivery("1"))
    assert gate.is_idle is False

    gate.take(max_events=1, max_bytes=1_000)
    assert gate.is_idle is False


def test_barriers_of_one_group_do_not_hold_up_another() -> None:
    gate = Gate()
    close = delivery("close", group="a", is_barrier=True)
    admit(gate, close, delivery("a", group="a"), delivery("b", group="b"))
    assert take(gate) == ["close"]
    gate.finish(close)

    assert take(gate) == ["b"]


def test_a_batch_is_bounded_by_count_and_by_bytes() -> None:
    gate = Gate()
    admit(gate, *[delivery(f"{n}", group=f"g{n}", body="x" * 30) for n in range(9)])

    assert take(gate, max_events=2, max_bytes=1_000) == ["0", "1"]
    assert take(gate, max_events=10, max_bytes=100) == ["2", "3", "4"]
    assert take(gate, max_events=10, max_bytes=30) == ["5"]


def test_a_message_larger_than_a_batch_goes_alone() -> None:
    gate = Gate()
    admit(
        gate,
        delivery("small", group="a"),
        delivery("big", group="b", body="x" * 200),
        delivery("behind it", group="b"),
        delivery("other", group="c"),
    )

    assert take(gate, max_bytes=100) == ["small"]
    assert take(gate, max_bytes=100) == ["big"]
    assert take(gate, max_bytes=100) == ["other"]


def test_barriers_singles_pointers_reruns_and_survivors_of_a_lost_process_go_alone() -> None:
    gate = Gate()
    special: dict[str, dict[str, Any]] = {
        "barrier": {"is_barrier": True},
        "single": {"is_single": True},
        "pointer": {"is_celery": True},
        "rerun": {"failures": 1},
        "survivor": {"was_lost": True},
    }
    for name, changes in special.items():
        admit(gate, delivery(name, group=name, **changes), delivery(f"{name}+", group=name))
    admit(gate, delivery("plain", group="plain"))

    assert [take(gate) for _ in special] == [[name] for name in special]
    assert take(gate) == ["plain"]


def test_a_message_that_is_put_back_runs_first_in_its_group() -> None:
    gate = Gate()
    first, second, third = (delivery(name) for name in "123")
    admit(gate, first, second, third)
    assert take(gate, max_events=2) == ["1", "2"]

    gate.put_back(second)
    gate.put_back(first)

    assert take(gate) == ["1", "2", "3"]


def test_waiting_messages_are_dropped_and_returned_in_order() -> None:
    gate = Gate()
    admit(gate, *[delivery(name) for name in "123"])
    gate.take(max_events=1, max_bytes=1_000)

    assert names(gate.drop_waiting("g")) == ["2", "3"]
    assert (gate.held, names(gate)) == (1, ["1"])
    assert gate.drop_waiting("g") == gate.drop_waiting("never seen") == []


def test_a_group_without_held_messages_is_forgotten() -> None:
    gate = Gate()
    one, two = delivery("1", group="a"), delivery("2", group="b")
    admit(gate, one, two)
    gate.take(max_events=10, max_bytes=1_000)
    gate.finish(one)
    assert gate.group_ids == ["a", "b"]
    gate.confirm(one)
    gate.forget(two)

    assert (gate.group_ids, gate.held, gate.ready, list(gate)) == ([], 0, 0, [])
