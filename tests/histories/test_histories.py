"""Random histories through the service's code, against an oracle that knows only the rules.

HISTORIES sets how many are run, and HISTORIES_FROM the first seed. To run one history alone, set
HISTORIES=1 and HISTORIES_FROM to its seed: its events and their batches depend only on the seed.
"""

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.histories.contents import contents, expected_contents
from tests.histories.events import History, ranks
from tests.histories.expectations import expected_result, wrong_deletions
from tests.histories.fast_dynamodb import fast_dynamodb
from tests.histories.figures import expected_figures, found_figures
from tests.histories.making import make_history
from tests.histories.oracle import Oracle
from tests.histories.service import Run
from tests.histories.side_by_side import deliver, run_side_by_side
from tests.support.builders import project

NUMBER = int(os.environ.get("HISTORIES", "200"))
FIRST = int(os.environ.get("HISTORIES_FROM", "0"))
# Histories that run side by side, in one test.
CHUNK = 25

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures(
        "_dynamodb", "_closing_rules", "_no_fallback", "_no_garbage_collection"
    ),
]


@pytest.fixture
def _dynamodb(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[None]:
    with fast_dynamodb(monkeypatch, table=settings.DYNAMODB_MESSAGE_TABLE):
        yield


@pytest.fixture
def _closing_rules(settings: Any, _one_transaction: None, db: None) -> None:
    """Conversations close at midnight in UTC, without a quiet period."""
    settings.CLOSING_QUIET_PERIOD = timedelta(0)
    project(timezone="UTC")


@pytest.mark.parametrize(
    "first",
    [
        # `make test` runs the first chunk.
        pytest.param(first, marks=[] if first == FIRST else pytest.mark.slow)
        for first in range(FIRST, FIRST + NUMBER, CHUNK)
    ],
)
def test_random_histories_end_as_the_rules_say(first: int) -> None:
    seeds = range(first, min(first + CHUNK, FIRST + NUMBER))
    runs = [Run(make_history(seed), deliver=deliver) for seed in seeds]
    oracles = [_oracle(run.history) for run in runs]
    deviations = []
    # What the first pass loses may come back in the second one.
    for part in ("steps", "again"):
        run_side_by_side(run.batches(getattr(run.history, part)) for run in runs)
        for run, oracle in zip(runs, oracles, strict=True):
            if oracle:
                oracle.run(getattr(run.history, part))
            found = _deviations(run, oracle)
            deviations += [f"history {run.history.seed}, {part}: {each}" for each in found]
    for run in runs:
        deviations += [f"history {run.history.seed}: left {one}" for one in run.left_of_deleted()]
    assert not deviations, "\n".join(deviations)


def _oracle(history: History) -> Oracle | None:
    """Return an oracle, or None if the places have no order."""
    order = ranks(history.events)
    return Oracle(history, order) if order else None


def _deviations(run: Run, oracle: Oracle | None) -> list[str]:
    deviations = run.unstable + run.overlaps()
    if deviations:
        return deviations
    deletions = run.deletions()
    found = run.result()
    if oracle is None:
        expected = expected_contents(run.history.events, run.homes(), deletions)
        return _differences(expected, contents(found))
    return wrong_deletions(oracle, deletions) + _differences(
        {**expected_result(oracle, deletions), "figures": expected_figures(oracle)},
        {**found, "figures": found_figures(run.channel)},
    )


def _differences(expected: Any, found: Any, path: str = "") -> list[str]:
    if isinstance(expected, dict) and isinstance(found, dict):
        return [
            difference
            for name in sorted({*expected, *found})
            for difference in _differences(
                expected.get(name, "nothing"), found.get(name, "nothing"), f"{path}/{name}"
            )
        ]
    return [] if expected == found else [f"{path}: expected {expected}, found {found}"]
