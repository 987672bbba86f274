"""The gate decides which messages may run, in which order, and in which batches."""

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


def test_a_message_that_arrives_while_its_group_runs_waits() -> None:
    gate = Gate()
    first = delivery("1")
    admit(gate, first)
    assert take(gate) == ["1"]

    admit(gate, delivery("2"))
    assert take(gate) == []
    gate.finish(first)
    assert take(gate) == ["2"]


def test_ten_waiting_messages_of_one_group_never_keep_other_groups_from_running() -> None:
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


def test_an_event_that_is_not_a_barrier_does_not_wait_for_deletes() -> None:
    gate = Gate()
    first, second = delivery("1"), delivery("2")
    admit(gate, first, second)
    gate.take(max_events=1, max_bytes=1_000)
    gate.finish(first)

    assert gate.waits_for_deletes("g") is False
    assert take(gate) == ["2"]


def test_deletes_do_not_delay_an_event_that_goes_alone_or_later_events() -> None:
    gate = Gate()
    first, single = delivery("1"), delivery("single", is_single=True)
    admit(gate, first, single, delivery("2"))

    assert take(gate) == ["1"]
    gate.finish(first)
    assert take(gate) == ["single"]
    gate.finish(single)
    assert take(gate) == ["2"]


def test_later_messages_of_a_backlog_stay_on_the_queue_until_all_deletes_are_confirmed() -> None:
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


def test_barriers_events_that_go_alone_pointers_and_reruns_are_not_batched() -> None:
    gate = Gate()
    special: dict[str, dict[str, Any]] = {
        "barrier": {"is_barrier": True},
        "single": {"is_single": True},
        "pointer": {"is_celery": True},
        "rerun": {"failures": 1},
        "survivor": {"was_lost": True},
        "redelivered": {"receive_count": 2},
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


def suspects_of(*group_ids: str) -> Gate:
    return Gate(is_suspect=lambda one: one.group_id in group_ids)


def take_suspect(gate: Gate) -> list[str]:
    return names(gate.take_suspect(max_events=10, max_bytes=1_000))


def test_suspects_take_turns_separately_from_other_groups() -> None:
    gate = suspects_of("bad")
    admit(gate, delivery("bad", group="bad"), delivery("good", group="good"))
    assert (gate.ready, gate.suspects, gate.waiting_of_suspects) == (1, 1, 1)

    assert take(gate) == ["good"]
    assert take(gate) == []
    assert take_suspect(gate) == ["bad"]
    assert take_suspect(gate) == []


def test_a_batch_of_a_suspect_has_events_of_one_group_only() -> None:
    gate = suspects_of("a", "b")
    admit(gate, delivery("a1", group="a"), delivery("b1", group="b"), delivery("a2", group="a"))

    assert [take_suspect(gate), take_suspect(gate)] == [["a1", "a2"], ["b1"]]


def test_scopes_of_suspects_take_turns() -> None:
    gate = suspects_of("p1", "p2", "p3", "q1", "alone")
    for group in ("p1", "p2", "p3", "q1"):
        admit(gate, delivery(group, group=group, scope=group[0]))
    admit(gate, delivery("alone", group="alone"))

    order = [take_suspect(gate) for _ in range(5)]
    assert order == [["p1"], ["q1"], ["alone"], ["p2"], ["p3"]]


def test_groups_are_sorted_again_when_the_suspects_change() -> None:
    known: set[str] = set()
    gate = Gate(is_suspect=lambda one: one.group_id in known)
    admit(gate, *[delivery(group, group=group) for group in "abc"])
    known.add("b")
    gate.sort_ready()
    assert (take(gate), gate.suspects) == (["a", "c"], 1)

    known.clear()
    gate.sort_ready()
    assert (take(gate), gate.suspects) == (["b"], 0)


def test_the_later_messages_of_a_suspect_can_be_dropped() -> None:
    gate = suspects_of("g")
    admit(gate, *[delivery(str(number)) for number in range(3)])

    assert names(gate.drop_followers("g")) == ["1", "2"]
    assert (gate.held, take_suspect(gate)) == (1, ["0"])


def test_the_search_for_old_messages_includes_those_of_suspects() -> None:
    gate = suspects_of("g")
    admit(gate, delivery("old", sent_at=0.0))

    assert names(gate.take_queued_before(1.0)) == ["old"]
    assert gate.suspects == 0
