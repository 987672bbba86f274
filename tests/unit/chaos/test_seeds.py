"""The seeds of a published result are derived from the commit and cannot be chosen."""

import pytest

from embedded.commands import CommandError
from tests.chaos.seeds import PUBLISHED_RUNS, chosen_seeds, published_seeds


def test_published_seeds_follow_from_the_commit() -> None:
    assert len(set(published_seeds(commit="a" * 40))) == PUBLISHED_RUNS
    assert published_seeds(commit="a" * 40) == published_seeds(commit="a" * 40)
    assert not set(published_seeds(commit="a" * 40)) & set(published_seeds(commit="b" * 40))


def test_a_seed_can_be_chosen_only_for_a_run_that_is_not_published(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SEED", "17")

    assert chosen_seeds(publishes=False) == [17]
    with pytest.raises(CommandError, match="leave SEED unset"):
        chosen_seeds(publishes=True)


def test_the_commit_of_this_checkout_determines_three_seeds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SEED", raising=False)

    assert len(chosen_seeds(publishes=True)) == PUBLISHED_RUNS
