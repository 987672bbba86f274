"""Random histories through the service's code, against an oracle that knows only the rules.

HISTORIES sets how many are run, and HISTORIES_FROM the first seed. To run one history alone, set
HISTORIES=1 and HISTORIES_FROM to its seed: its events and their batches depend only on the seed.
"""

import os

import pytest

from tests.histories.checking import deviations_of
from tests.histories.deliveries import SIDE_BY_SIDE

NUMBER = int(os.environ.get("HISTORIES", "200"))
FIRST = int(os.environ.get("HISTORIES_FROM", "0"))


@pytest.mark.django_db
@pytest.mark.parametrize("first", range(FIRST, FIRST + NUMBER, SIDE_BY_SIDE))
def test_random_histories_end_as_the_rules_say(first: int) -> None:
    deviations = deviations_of(range(first, min(first + SIDE_BY_SIDE, FIRST + NUMBER)))
    assert not deviations, "\n".join(deviations)


@pytest.mark.django_db
def test_histories_that_once_deviated_end_as_the_rules_say() -> None:
    # 20126: the queue time of a reopening was earlier than that of the opening.
    # 30391: two spans began in the same millisecond.
    # 3240: a span began earlier than the end of the one before it, because queue times fell.
    # 3482: an event of another group began the span that a late conversation ended before.
    # 6980: queue times fell within a group whose earlier message began the span of another group.
    # 13690: a takeover that came late had a later queue time than the conversation opened after it.
    # 8926, 9223: the newest event of another group did not have the group's latest queue time.
    deviations = deviations_of([20126, 30391, 3240, 3482, 6980, 8926, 9223, 13690])
    assert not deviations, "\n".join(deviations)
