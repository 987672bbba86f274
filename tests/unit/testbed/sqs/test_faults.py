"""A fault hits the right calls for the right time."""

import pytest

from testbed.server.faults import FaultKind, Faults, fault_from_json


def hit(
    faults: Faults, *, action: str = "SendMessage", now: float = 0, in_flight: bool = False
) -> FaultKind | None:
    fault = faults.take(
        now=now, hits=lambda fault: fault.hits(action=action, has_messages_in_flight=in_flight)
    )
    return None if fault is None else fault.kind


def waiting(**fields: object) -> Faults:
    faults = Faults()
    faults.add(fault_from_json(fields, kinds=list(FaultKind), now=0))
    return faults


def test_a_fault_with_a_count_hits_that_many_calls() -> None:
    faults = waiting(kind="drop", count=2)
    assert [hit(faults) for _ in range(3)] == [FaultKind.DROP, FaultKind.DROP, None]


def test_a_fault_with_a_duration_hits_all_calls_until_it_is_over() -> None:
    faults = waiting(kind="error", duration=5, status=503, code="ServiceUnavailable")
    assert hit(faults, now=4.9) is FaultKind.ERROR
    assert hit(faults, now=5) is None


def test_a_fault_without_either_lasts_until_it_is_cleared() -> None:
    faults = waiting(kind="lose_answer")
    assert hit(faults, now=1e9) is FaultKind.LOSE_ANSWER
    faults.clear()
    assert hit(faults) is None


def test_a_fault_of_some_actions_does_not_affect_others() -> None:
    faults = waiting(kind="hang", count=1, seconds=3, actions=["DeleteMessageBatch"])
    assert hit(faults, action="ReceiveMessage") is None
    assert hit(faults, action="DeleteMessageBatch") is FaultKind.HANG


def test_a_fault_of_entries_waits_for_a_batch() -> None:
    faults = waiting(kind="fail_entries", count=1)
    assert hit(faults, action="DeleteMessage") is None
    assert hit(faults, action="DeleteMessageBatch") is FaultKind.FAIL_ENTRIES


def test_a_duplicate_waits_for_a_receive_while_something_is_in_flight() -> None:
    faults = waiting(kind="duplicate", count=1)
    assert hit(faults, action="ReceiveMessage") is None
    assert hit(faults, action="DeleteMessage", in_flight=True) is None
    assert hit(faults, action="ReceiveMessage", in_flight=True) is FaultKind.DUPLICATE
    assert hit(faults, action="ReceiveMessage", in_flight=True) is None


def test_the_oldest_fault_hits_first_and_the_next_when_it_is_used_up() -> None:
    faults = waiting(kind="drop", count=1)
    faults.add(fault_from_json({"kind": "error", "count": 1}, kinds=list(FaultKind), now=0))
    assert [hit(faults), hit(faults), hit(faults)] == [FaultKind.DROP, FaultKind.ERROR, None]


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "earthquake"},
        {"kind": "drop", "colour": "red"},
        {"kind": "drop", "share": 0},
        {"kind": "delay", "seconds": 1},
    ],
)
def test_an_unknown_fault_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        fault_from_json(fields, kinds=set(FaultKind) - {FaultKind.DELAY}, now=0)
