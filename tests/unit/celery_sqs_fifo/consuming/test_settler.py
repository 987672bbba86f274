"""The settler decides what happens to events after they ran, for every kind of failure."""

import logging
from collections.abc import Sequence
from itertools import islice

import pytest

from celery_sqs_fifo import DONE, WAITING, Backoff, Options, Outcome, Place, Result
from celery_sqs_fifo.consuming.charging import LOST
from celery_sqs_fifo.consuming.gate import Gate
from celery_sqs_fifo.consuming.settler import Settler
from celery_sqs_fifo.delivery import Delivery
from tests.support.fake_calls import FakeCalls, delivery, names
from tests.support.fake_loop import FakeLoop, use_clock_of

DELETE = "DeleteMessageBatch"
SEND = "SendMessage"
CHANGE = "ChangeMessageVisibilityBatch"
INVALID = Outcome(Result.INVALID, "malformed")
UNAVAILABLE = Outcome(Result.UNAVAILABLE, "unavailable")
TIME_LIMIT = Outcome(Result.UNAVAILABLE, "time_limit", "cancelled", may_be_own=True)
BUG = Outcome(Result.BUG, "bug", "somewhere")
DAY = 24 * 3600.0
# The maximal batch size. Tests with this mark must pass with and without batches.
EITHER_WAY = pytest.mark.parametrize("max_events", [10, 1], ids=["batches", "single events"])


class Held:
    """A settler and its gate, with fake collaborators. The test acts as the pool."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls = FakeCalls(at_once={SEND, DELETE, CHANGE})
        self.loop = FakeLoop()
        use_clock_of(self.loop, monkeypatch)
        self.gate = Gate()
        self.unavailable: list[Delivery] = []
        self.progress = 0
        self.is_probing = False
        self.settler = Settler(
            gate=self.gate,
            queue_url="queue",
            options=Options(
                dead_letter_queue_url="dlq.fifo",
                visibility_timeout=60,
                backoff=Backoff(first=0.5, longest=30),
                retention=10 * DAY,
            ),
            calls=self.calls,  # type: ignore[arg-type]
            call_later=self.loop.call_later,
            listener=self,
        )

    def on_failed(self, one: Delivery, outcome: Outcome) -> None:
        """See SettlerListener."""
        if outcome.result is Result.UNAVAILABLE:
            self.unavailable.append(one)

    def on_progress(self) -> None:
        """See SettlerListener."""
        self.progress += 1

    def probe(self, *failed_kinds: str) -> bool:
        """Run a probe that begins now and succeeds, except for these kinds of events."""
        failures = self.settler.failures
        outcomes = [DONE, *(Outcome(Result.BUG, kind) for kind in failed_kinds)]
        return failures.note_probed(failures.charging.begin(), outcomes)

    def admit(self, *deliveries: Delivery) -> None:
        for one in deliveries:
            one.received_at, one.lease_until = self.loop.now, self.loop.now + 60
            self.gate.admit(one)

    def take(self, max_events: int = 10) -> list[Delivery]:
        batch = self.gate.take(max_events=max_events, max_bytes=1_000_000)
        self.settler.failures.charging.begin(batch)
        return batch

    def take_all(self, max_events: int) -> list[list[Delivery]]:
        """Take all events that may run, in batches of a limited size."""
        return list(iter(lambda: self.take(max_events), []))

    def run(self, *outcomes: Outcome) -> list[Delivery]:
        """Run the next batch, with one event for each outcome."""
        batch = self.take(len(outcomes))
        assert len(batch) == len(outcomes), names(batch)
        self.settler.settle(batch, outcomes)
        return batch

    def lose(self, max_events: int = 10) -> list[Delivery]:
        """Run the next batch in a process that is lost."""
        batch = self.take(max_events)
        self.settler.settle(batch, None)
        return batch

    def run_again_and_again(self, outcomes: Sequence[Outcome]) -> None:
        """Run the next event once with each outcome. After each run, a probe succeeds."""
        for outcome in outcomes:
            self.run(outcome)
            self.probe()
            self.loop.advance(30)

    @property
    def quarantined(self) -> list[str]:
        return [
            call.parameters["MessageDeduplicationId"]
            for call in self.calls.of(SEND)
            if not call.is_open
        ]


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    return Held(monkeypatch)


def handles(*deliveries: Delivery) -> list[str]:
    return [one.receipt_handle for one in deliveries]


def test_an_event_that_took_effect_is_deleted_and_leaves_the_gate(held: Held) -> None:
    one, two = delivery("1"), delivery("2")
    held.admit(one, two)
    held.run(DONE)
    assert names(held.take()) == ["2"]
    held.settler.flush()

    assert held.calls.deleted == handles(one)
    assert (held.progress, held.gate.held) == (1, 1)


def test_an_invalid_event_is_copied_before_it_is_deleted_and_its_group_continues(
    held: Held,
) -> None:
    held.calls.at_once.remove(SEND)
    bad, good = delivery("bad"), delivery("good")
    held.admit(bad, good)
    held.run(INVALID)
    held.settler.flush()
    assert (held.take(), held.calls.deleted) == ([], [])

    held.calls.answer(SEND)
    held.settler.flush()
    assert (held.quarantined, held.calls.deleted) == (["bad"], handles(bad))
    assert held.progress > 0
    assert names(held.take()) == ["good"]


@EITHER_WAY
def test_only_the_invalid_event_of_a_batch_is_quarantined_and_the_others_are_deleted(
    held: Held, max_events: int
) -> None:
    one, bad, three = (delivery(name) for name in ("1", "bad", "3"))
    held.admit(one, bad, three)
    outcomes = iter([DONE, INVALID, DONE])
    while batch := held.take(max_events):
        held.settler.settle(batch, list(islice(outcomes, len(batch))))
    held.settler.flush()

    assert held.quarantined == ["bad"]
    assert set(held.calls.deleted) == set(handles(one, bad, three))
    assert held.calls.released == []


@pytest.mark.parametrize("outcome", [UNAVAILABLE, BUG])
def test_only_the_failed_first_event_is_held_and_later_ones_are_given_back_to_sqs(
    held: Held, outcome: Outcome
) -> None:
    head, waits, behind = (delivery(name) for name in ("head", "waits", "behind"))
    held.admit(head, waits, behind)
    held.run(outcome, WAITING)

    assert sorted(held.calls.released) == sorted(handles(waits, behind))
    assert names(held.gate) == ["head"]
    assert held.calls.deleted == held.quarantined == []


@pytest.mark.parametrize("outcome", [UNAVAILABLE, BUG])
def test_later_events_outside_the_batch_of_a_failed_event_are_given_back_too(
    held: Held, outcome: Outcome
) -> None:
    held.admit(delivery("head"), delivery("behind"), delivery("other", group="other"))
    held.run(outcome)

    assert held.calls.released == ["handle-behind"]
    assert sorted(names(held.gate)) == ["head", "other"]


@pytest.mark.parametrize("outcome", [UNAVAILABLE, BUG])
def test_a_failed_event_runs_again_before_events_that_arrived_meanwhile(
    held: Held, outcome: Outcome
) -> None:
    head = delivery("head")
    held.admit(head)
    held.run(outcome)
    held.admit(delivery("later"))
    assert held.take() == []

    held.loop.advance(0.5)
    assert (names(held.take()), head.failures) == (["head"], 1)


def test_other_groups_continue_while_one_is_held(held: Held) -> None:
    held.admit(delivery("a", group="a"), delivery("b", group="b"))
    held.run(UNAVAILABLE)

    assert names(held.take()) == ["b"]


@pytest.mark.parametrize("outcome", [UNAVAILABLE, BUG])
def test_if_a_whole_batch_failed_its_events_run_again_in_the_order_of_their_group(
    held: Held, outcome: Outcome
) -> None:
    held.admit(delivery("1"), delivery("2"), delivery("3"))
    held.run(outcome, outcome, outcome)

    ran: list[str] = []
    for _ in range(6):
        held.loop.advance(31)
        while batch := held.take(1):
            ran += names(batch)
            held.settler.settle(batch, [DONE])
    again = [name for name in "123" if f"handle-{name}" in held.calls.released]
    assert ran + again == ["1", "2", "3"]


def test_the_delays_between_runs_grow_to_a_maximum(held: Held) -> None:
    held.admit(delivery())
    delays = []
    for _ in range(8):
        held.run(UNAVAILABLE)
        delays += held.loop.delays
        held.loop.advance(delays[-1])

    assert delays == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_an_event_waits_for_a_dependency_without_limit_and_each_failure_is_reported(
    held: Held,
) -> None:
    one = delivery()
    held.admit(one)
    held.run_again_and_again([UNAVAILABLE] * 200)
    held.run(DONE)
    held.settler.flush()

    assert held.unavailable == [one] * 200
    assert (held.quarantined, held.calls.deleted) == ([], handles(one))


def test_an_event_that_hits_a_time_limit_in_every_run_is_eventually_quarantined(
    held: Held,
) -> None:
    held.admit(delivery("endless"))
    held.run_again_and_again([TIME_LIMIT] * 4)
    assert len(held.unavailable) == 4

    held.run_again_and_again([TIME_LIMIT] * 4)
    assert (len(held.unavailable), held.quarantined) == (4, [])

    held.run_again_and_again([TIME_LIMIT])
    assert held.quarantined == ["endless"]
    attributes = held.calls.of(SEND)[0].parameters["MessageAttributes"]
    assert attributes["reason"]["StringValue"] == "time_limit"


def test_an_event_that_hits_time_limits_waits_while_no_other_event_succeeds(
    held: Held,
) -> None:
    held.admit(delivery("waits"))
    for _ in range(50):
        held.run(TIME_LIMIT)
        held.loop.advance(30)

    assert (held.quarantined, names(held.gate)) == ([], ["waits"])


def test_only_time_limits_in_consecutive_runs_count(held: Held) -> None:
    held.admit(delivery("unlucky"))
    for _ in range(10):
        held.run_again_and_again([TIME_LIMIT] * 4)
        held.run_again_and_again([UNAVAILABLE])

    assert len(held.unavailable) == 50
    assert held.quarantined == []


def test_a_bug_does_not_count_as_an_unavailable_dependency(held: Held) -> None:
    held.admit(delivery())
    held.run(BUG)

    assert held.unavailable == []


def test_after_five_bugs_an_event_is_quarantined(held: Held) -> None:
    held.admit(delivery("bad"))
    held.run_again_and_again([BUG] * 4)
    assert held.quarantined == []

    held.run(BUG)
    held.probe()
    held.settler.flush()
    assert held.quarantined == ["bad"]
    assert held.calls.deleted == ["handle-bad"]
    attributes = held.calls.of(SEND)[0].parameters["MessageAttributes"]
    assert attributes["reason"]["StringValue"] == "bug"
    assert attributes["error"]["StringValue"] == "somewhere"


def test_runs_that_met_an_unavailable_dependency_do_not_count_as_bugs(held: Held) -> None:
    held.admit(delivery("unlucky"))
    held.run_again_and_again([UNAVAILABLE] * 10)
    held.run_again_and_again([BUG] * 4)

    assert held.quarantined == []
    held.run(BUG)
    held.probe()
    assert held.quarantined == ["unlucky"]


def test_the_loss_of_a_process_counts_as_a_bug_of_its_only_event(held: Held) -> None:
    one = delivery("crasher")
    held.admit(one)
    held.lose()
    assert (one.failures, held.quarantined) == (1, [])

    for _ in range(4):
        held.probe()
        held.loop.advance(30)
        held.lose()
    held.probe()
    assert held.quarantined == ["crasher"]
    attributes = held.calls.of(SEND)[0].parameters["MessageAttributes"]
    assert attributes["reason"]["StringValue"] == LOST.reason


def test_an_event_is_not_quarantined_while_processes_of_other_events_are_lost_as_often(
    held: Held,
) -> None:
    """Somebody kills pool processes, and a long task is hit each time that it runs."""
    held.admit(delivery("long", group="long"))
    for number in range(8):
        held.lose()
        held.admit(delivery(f"hit {number}", group=f"{number}"))
        held.lose()
        held.loop.advance(60)
        (hit,), (long,) = sorted(held.take_all(1), key=names)
        held.settler.settle([hit], [DONE])
        held.gate.put_back(long)

    assert (held.quarantined, names([long]), long.bugs) == ([], ["long"], 0)


def test_after_a_lost_process_the_events_of_its_batch_run_one_by_one_and_alone(held: Held) -> None:
    held.admit(
        delivery("a1", group="a"),
        delivery("a2", group="a"),
        delivery("b1", group="b"),
        delivery("a3", group="a"),
    )
    assert names(held.lose(3)) == ["a1", "a2", "a3"]

    ran = []
    while batch := held.take():
        ran.append(names(batch))
        held.settler.settle(batch, [DONE] * len(batch))
    assert ran == [["b1"], ["a1"], ["a2"], ["a3"]]
    assert (held.quarantined, held.calls.released) == ([], [])


def test_the_loss_of_a_batch_does_not_count_as_a_failure_of_its_events(held: Held) -> None:
    held.admit(delivery("1"), delivery("2"))

    assert [one.failures for one in held.lose()] == [0, 0]


def test_an_event_is_not_charged_while_no_other_run_succeeds(held: Held) -> None:
    one = delivery("unlucky")
    held.admit(one)
    for _ in range(50):
        held.run(BUG)
        held.loop.advance(30)
    assert (held.quarantined, one.bugs, names(held.gate)) == ([], 0, ["unlucky"])

    held.run(DONE)
    held.settler.flush()
    assert (held.quarantined, held.calls.deleted) == ([], handles(one))


def test_an_event_is_quarantined_when_another_that_began_later_has_succeeded(
    held: Held,
) -> None:
    bad = delivery("bad", bugs=4)
    held.admit(bad, delivery("before", group="before"))
    batch, before = held.take(1), held.take(1)
    held.settler.settle(batch, [BUG])
    held.settler.settle(before, [DONE])
    assert held.quarantined == []

    held.admit(delivery("after", group="after"))
    held.run(DONE)
    held.loop.advance(60)
    assert (held.quarantined, held.gate.held) == (["bad"], 0)


def test_a_probe_does_not_charge_events_of_a_kind_that_fails_in_the_probe(held: Held) -> None:
    plain, answer = delivery("plain", group="p"), delivery("answer", group="a")
    answer.kind = "answer"
    held.admit(plain, answer)
    held.settler.settle(held.take(), [BUG, BUG])

    assert held.probe("answer")
    assert (plain.bugs, answer.bugs) == (1, 0)
    assert held.probe()
    assert (plain.bugs, answer.bugs) == (1, 1)


def test_a_success_charges_only_failures_of_its_own_kind(held: Held) -> None:
    plain, answer = delivery("plain", group="p"), delivery("answer", group="a")
    answer.kind = "answer"
    held.admit(plain, answer)
    held.settler.settle(held.take(), [BUG, BUG])
    held.admit(delivery("other", group="o"))
    held.settler.settle(held.take(), [DONE])

    assert (plain.bugs, answer.bugs) == (1, 0)


def test_an_uncharged_event_waits_for_a_running_probe(held: Held) -> None:
    one = delivery("bad")
    held.admit(one)
    held.run(BUG)
    held.is_probing = True
    held.loop.advance(10)
    assert held.take() == []

    held.is_probing = False
    held.probe()
    held.loop.advance(0.5)
    assert (names(held.take()), one.bugs) == (["bad"], 1)


def test_a_successful_pointer_charges_no_failure(held: Held) -> None:
    held.admit(delivery("bad", bugs=4), delivery("tick", group="ticks", is_celery=True))
    held.run(BUG)
    held.run(DONE)

    assert held.quarantined == []


def test_an_event_is_not_quarantined_while_it_runs_again(held: Held) -> None:
    held.admit(delivery("mended", bugs=4))
    held.run(BUG)
    held.loop.advance(1)
    again = held.take(1)
    held.probe()
    held.settler.settle(again, [DONE])
    held.settler.flush()

    assert (held.quarantined, held.calls.deleted) == ([], ["handle-mended"])


def use_up_runs(held: Held, *groups: str) -> None:
    """Let one event of each group use up its runs."""
    held.admit(*[delivery(group, group=group, bugs=4) for group in groups])
    for _ in groups:
        held.run(BUG)
    held.probe()


def test_a_cause_quarantines_three_events_an_hour_and_parks_the_others(
    held: Held, caplog: pytest.LogCaptureFixture
) -> None:
    use_up_runs(held, "a", "b", "c", "d", "e")
    assert held.quarantined == ["a", "b", "c"]
    assert held.gate.held == 0
    assert held.calls.parked == {"handle-d": 60, "handle-e": 60}
    assert held.settler.failures.parking.causes() == [
        {"cause": "somewhere", "quarantined_within_the_hour": 3, "parked": 2}
    ]
    parked = [record for record in caplog.records if record.message == "event_parked"]
    assert [vars(record)["message_id"] for record in parked] == ["d", "e"]

    held.loop.advance(3601)
    use_up_runs(held, "f")
    assert held.quarantined == ["a", "b", "c", "f"]


def test_a_parked_event_is_neither_rerun_nor_renewed_nor_given_back_at_stop(
    held: Held,
) -> None:
    use_up_runs(held, "a", "b", "c", "d")
    held.loop.advance(60)
    held.settler.keep_leases()
    held.settler.stop()

    assert (held.take(), held.calls.released) == ([], [])
    assert held.calls.renewed == ["handle-d"]


def test_later_events_in_the_group_of_a_parked_event_are_given_back(held: Held) -> None:
    use_up_runs(held, "a", "b", "c")
    held.admit(delivery("head", group="d", bugs=4), delivery("behind", group="d"))
    held.run(BUG)
    held.probe()

    assert held.calls.released == ["handle-behind"]
    assert held.calls.parked == {"handle-head": 60}


def test_an_event_with_a_high_receive_count_is_parked_for_longer(held: Held) -> None:
    use_up_runs(held, "a", "b", "c")
    held.admit(delivery("d", group="d", bugs=4, receive_count=5))
    held.run(BUG)
    held.probe()

    assert held.calls.parked == {"handle-d": 960}


def test_releasing_a_cause_makes_its_parked_events_visible(held: Held) -> None:
    use_up_runs(held, "a", "b", "c", "d", "e")
    held.loop.advance(5)

    assert held.settler.failures.parking.release("somewhere") == 2
    assert held.calls.released == ["handle-d", "handle-e"]
    use_up_runs(held, "d2")
    assert held.quarantined[3:] == ["d2"]


@pytest.mark.parametrize("quota_is_used", [False, True])
def test_an_event_near_its_retention_is_quarantined_even_if_not_charged(
    held: Held, quota_is_used: bool
) -> None:
    if quota_is_used:
        use_up_runs(held, "a", "b", "c", "d")
    before = len(held.quarantined)
    held.admit(delivery("old", group="old", sent_at=held.loop.time() - 8.01 * DAY))
    held.run(BUG)

    assert held.quarantined[before:] == ["old"]


@pytest.mark.parametrize(("age", "is_quarantined"), [(7.99, False), (8.0, False), (8.01, True)])
def test_an_event_that_waits_for_a_dependency_is_quarantined_at_80_percent_of_the_retention(
    held: Held, age: float, is_quarantined: bool
) -> None:
    held.admit(delivery("old", sent_at=held.loop.time() - age * DAY))
    held.run(UNAVAILABLE)

    assert bool(held.quarantined) is is_quarantined


def test_retention_is_counted_from_the_time_at_which_the_message_was_queued(held: Held) -> None:
    first = {"place": {"DataType": "String", "StringValue": str(Place(1_000, 1, "g"))}}
    held.admit(delivery("redriven", sent_at=held.loop.time(), attributes=first))
    held.run(UNAVAILABLE)

    assert held.quarantined == []


def test_an_event_is_kept_while_its_copy_is_refused_and_the_copy_is_tried_again(held: Held) -> None:
    bad = delivery("bad")
    held.admit(bad, delivery("behind"))
    held.calls.errors = {SEND: "HTTP 403 AccessDenied"}
    held.run(INVALID)
    held.loop.advance(300)
    held.settler.flush()
    assert (held.take(), held.calls.deleted) == ([], [])
    assert "bad" in names(held.gate)
    assert len(held.calls.of(SEND)) > 5

    held.calls.errors.clear()
    held.loop.advance(30)
    held.settler.flush()
    assert held.calls.deleted == handles(bad)


def test_an_event_whose_copy_is_refused_at_shutdown_is_given_back(held: Held) -> None:
    held.calls.at_once.remove(SEND)
    held.admit(delivery("bad"))
    held.run(INVALID)
    held.settler.stop()
    held.calls.answer(SEND, error="HTTP 403 AccessDenied")
    held.loop.advance(600)

    assert (held.calls.released, held.calls.deleted) == (["handle-bad"], [])
    assert len(held.calls.of(SEND)) == 1


def test_the_copy_of_an_event_whose_lease_is_lost_is_not_tried_again(held: Held) -> None:
    """SQS delivers the event again. It must not both take effect and become a dead letter."""
    held.calls.errors = {SEND: "HTTP 403 AccessDenied"}
    bad, next_bad = delivery("bad"), delivery("next")
    held.admit(bad, next_bad, delivery("behind"))
    held.run(INVALID, INVALID)
    held.calls.refused = {bad.receipt_handle: "ReceiptHandleIsInvalid"}
    held.loop.advance(61)
    held.settler.keep_leases()
    copies = len(held.calls.of(SEND))
    held.calls.errors.clear()
    held.loop.advance(600)

    assert len(held.calls.of(SEND)) == copies
    assert sorted(held.calls.released) == ["handle-behind", "handle-next"]
    assert (names(held.gate), held.calls.deleted) == ([], [])


def test_the_dead_letters_of_one_batch_arrive_in_the_order_of_their_group(held: Held) -> None:
    held.calls.at_once.remove(SEND)
    held.admit(*(delivery(str(number)) for number in range(4)))
    held.run(INVALID, DONE, INVALID, INVALID)
    held.calls.answer(SEND, error="HTTP 503 ServiceUnavailable")
    held.loop.advance(0.5)
    for _ in range(3):
        held.calls.answer(SEND)

    assert held.quarantined == ["0", "0", "2", "3"]


def finish_others_for(held: Held, seconds: float) -> None:
    """Let other groups finish an event every 0.05 seconds. No group waits for a delete."""
    for _ in range(round(seconds * 20)):
        other = delivery(group="other")
        held.admit(other)
        batch = held.take(1)
        held.settler.settle(batch, [DONE])
        held.loop.advance(0.05)


def test_deletes_that_no_group_waits_for_are_sent_later(held: Held) -> None:
    held.admit(delivery("1"))
    held.run(DONE)
    finish_others_for(held, 0.2)

    assert held.calls.deleted == []


def test_a_barrier_waits_for_deletes_no_longer_than_the_shortest_flush_interval(
    held: Held,
) -> None:
    one, close = delivery("1"), delivery("close", is_barrier=True)
    held.admit(one, close)
    held.run(DONE)
    finish_others_for(held, 0.15)

    assert held.calls.deleted[:1] == handles(one)
    assert "close" in names(held.take())


def backlog(*names: str) -> list[Delivery]:
    """Return messages of one group that filled a receive. The last one is a barrier."""
    *before, last = names
    barrier = delivery(last, is_barrier=True, has_backlog=True)
    return [*(delivery(name, has_backlog=True) for name in before), barrier]


def test_deletes_for_a_backlog_are_sent_at_once_while_the_gate_is_idle(held: Held) -> None:
    """A delay would hold up barriers, events after a barrier, and events that are still on SQS."""
    one, close = backlog("1", "close")
    held.admit(one, close)

    held.run(DONE)
    assert held.calls.deleted == handles(one)
    held.run(DONE)
    assert held.calls.deleted == handles(one, close)


def test_deletes_for_a_backlog_wait_for_the_flush_interval_while_others_run(held: Held) -> None:
    one, close = backlog("1", "close")
    other = delivery("other", group="other")
    held.admit(one, other, close)
    batch, with_the_pool = held.take(max_events=1), held.take(max_events=1)
    held.settler.settle(batch, [DONE])
    assert (names(with_the_pool), held.calls.deleted) == (["other"], [])

    held.settler.settle(with_the_pool, [DONE])
    assert held.calls.deleted == []
    held.loop.advance(0.1)
    assert held.calls.deleted == handles(one, other)


def test_a_barrier_that_arrives_after_a_finished_event_hurries_its_delete(held: Held) -> None:
    one, close = delivery("1"), delivery("close", is_barrier=True)
    held.admit(one)
    held.run(DONE)
    held.admit(close)
    held.settler.flush_awaited(["g"])
    held.loop.advance(0.1)

    assert held.calls.deleted == handles(one)
    assert names(held.take()) == ["close"]


def test_logs_of_a_held_event_have_ids_and_reasons_and_no_content(
    held: Held, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        held.admit(delivery("id", group="secret", body="secret"))
        held.run(UNAVAILABLE)

    (record,) = caplog.records
    assert (record.message, record.__dict__["message_id"]) == ("event_held", "id")
    assert "secret" not in str(record.__dict__)
