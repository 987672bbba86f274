"""Runs histories, and compares what became of them with the oracle."""

from collections.abc import Iterable, Iterator
from typing import Any

from tests.histories.contents import contents, expected_contents
from tests.histories.events import History, ranks
from tests.histories.expectations import expected_result, wrong_deletions
from tests.histories.figures import expected_figures, found_figures
from tests.histories.making import make_history
from tests.histories.oracle import Oracle
from tests.histories.results import result_of
from tests.histories.rollups import END, Rollups
from tests.histories.service import Run
from tests.histories.side_by_side import deliver, rounds
from tests.histories.stored import Stored, archive_the_rest, read_stored
from tests.histories.surroundings import surroundings

# Changed days are rolled up after this round, too, so that later events change their rollups.
_ROLLED_UP_AFTER = 12
# One in so many contacts is erased in the end.
_ERASED = 5


def deviations_of(seeds: Iterable[int]) -> list[str]:
    """Run the histories of these seeds side by side, and return what differs from the oracle."""
    with surroundings():
        return list(_deviations_of(seeds))


def _deviations_of(seeds: Iterable[int]) -> Iterator[str]:
    runs = [Run(make_history(seed), deliver=deliver) for seed in seeds]
    oracles = [_oracle(run.history) for run in runs]
    urns = [run.urn for run in runs]
    stored: dict[str, Stored] = {}
    rollups = Rollups(
        seeds={run.channel: run.history.seed for run in runs},
        last=max(event.queue_time for run in runs for event in run.history.events).date(),
    )
    # What the first pass loses may come back in the second one.
    for part in ("steps", "again"):
        batches = [run.batches(getattr(run.history, part)) for run in runs]
        for number, _ in enumerate(rounds(batches), 1):
            if number == _ROLLED_UP_AFTER:
                yield from rollups.renew(f"{part}, round {number}")
        archive_the_rest(urns)
        stored = read_stored(urns)
        for run, oracle in zip(runs, oracles, strict=True):
            if oracle:
                oracle.run(getattr(run.history, part))
            for each in _differences_of(run, oracle, stored[run.urn]):
                yield f"history {run.history.seed}, {part}: {each}"
        yield from rollups.renew(part)
    for run in runs:
        for each in stored[run.urn].left_of_deleted():
            yield f"history {run.history.seed}: left {each}"
    yield from _left_of_erased(runs[::_ERASED], rollups)


def _left_of_erased(runs: Iterable[Run], rollups: Rollups) -> Iterator[str]:
    """Erase the contacts of these histories. Yield what the figures still have of them."""
    for run in runs:
        run.erase(at=END)
    yield from rollups.renew("erased")
    for run in runs:
        if any(found_figures(run.channel, until=END.date()).values()):
            yield f"history {run.history.seed}: figures of an erased contact"


def _oracle(history: History) -> Oracle | None:
    """Return an oracle, or None if the places have no order."""
    order = ranks(history.events)
    return Oracle(history, order) if order else None


def _differences_of(run: Run, oracle: Oracle | None, stored: Stored) -> list[str]:
    faults = run.unstable + stored.overlaps()
    if faults:
        return faults
    deletions = run.deletions(stored)
    found = result_of(stored)
    if oracle is None:
        expected = expected_contents(run.history.events, run.homes(stored), deletions)
        return _differences(expected, contents(found))
    ends_at = max(event.queue_time for event in run.history.events)
    return wrong_deletions(oracle, deletions) + _differences(
        {**expected_result(oracle, deletions), "figures": expected_figures(oracle)},
        {**found, "figures": found_figures(run.channel, until=ends_at.date())},
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
