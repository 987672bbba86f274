"""Stores that a correct service would leave after generated traffic have no defect."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from itertools import islice

import pytest

from testbed.checker.check import check
from testbed.checker.report import Kind
from testbed.checker.stores import FoundConversation, Stores
from testbed.traffic.day import generate_day
from testbed.traffic.effects import expected_effects
from testbed.traffic.events import PlannedEvent
from testbed.traffic.stream import Stream
from tests.unit.testbed.checker.faultless import MIDNIGHT, faultless
from tests.unit.testbed.sent_events import NOON, as_sent

DAY = generate_day(events=300, seed=3, day=NOON.date())
STREAM = Stream(seed=3, start=NOON, rate=50, redriven=5, reopened=2)
GENERATED = {
    "a day": (DAY.all_events, {project.uuid: MIDNIGHT for project in DAY.projects}),
    # For the others, the events alone do not determine the conversations.
    "a stream": (
        [
            *STREAM.earlier,
            *(one for one in islice(STREAM, 3_000) if one.contact.is_certain),
            *STREAM.after_reopening,
        ],
        {},
    ),
}


@pytest.mark.parametrize("name", GENERATED)
def test_a_faultless_service_has_no_defect(name: str) -> None:
    events, closings = GENERATED[name]
    stores = faultless(expected_effects(as_sent(events), closings=closings))

    assert check(sent=as_sent(events), stores=stores, closings=closings) == []


@pytest.mark.parametrize("name", GENERATED)
def test_each_message_that_is_gone_is_lost(name: str) -> None:
    events, closings = GENERATED[name]
    stores = faultless(expected_effects(as_sent(events), closings=closings))
    damaged = [without_last_message(row) for row in stores.conversations]
    gone = sum(row is not whole for row, whole in zip(damaged, stores.conversations, strict=True))

    assert gone > 10
    assert lost_messages(events, replace(stores, conversations=damaged), closings) >= gone


def without_last_message(row: FoundConversation) -> FoundConversation:
    if len(row.archive) < 2:
        return row
    return replace(row, archive=row.archive[:-1], message_count=row.message_count - 1)


def lost_messages(
    events: list[PlannedEvent], stores: Stores, closings: Mapping[str, datetime]
) -> int:
    defects = check(sent=as_sent(events), stores=stores, closings=closings)
    return sum(defect.kind is Kind.LOST for defect in defects)
