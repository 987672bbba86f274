"""`make foreign` runs the chosen servers, and its page shows the results."""

import json
from dataclasses import replace

import pytest

from embedded.commands import CommandError
from tests.foreign.page import render
from tests.foreign.result import Behaviour, ForeignRun, Result
from tests.foreign.servers import PAIRS, UNAVAILABLE, chosen_pairs

KINDS = ("lost", "duplicated", "wrongly_quarantined")
RUN = ForeignRun(
    sqs="fauxqs",
    dynamodb="dynalite",
    pool_mode="transaction",
    events=2_000,
    kills=10,
    defects=dict.fromkeys(KINDS, 0),
    drain_seconds=33.3,
)
RESULT = Result(
    command="make foreign",
    commit="abc1234",
    seed=17,
    python="3.11.7",
    cores=2,
    versions={"fauxqs": "2.4.1"},
    unavailable={"another": "it needs a moon."},
    runs=[RUN],
    behaviours=[
        Behaviour(documented="It waits.", source="A page", servers={"fauxqs": True, "other": True}),
        Behaviour(
            documented="It sorts.", source="Its end", servers={"fauxqs": False, "other": True}
        ),
    ],
)


def test_without_names_all_pairs_are_chosen() -> None:
    assert chosen_pairs("") == list(PAIRS)
    assert [pair.name for pair in chosen_pairs("fauxqs+dynalite")] == ["fauxqs+dynalite"]


@pytest.mark.parametrize("name", UNAVAILABLE)
def test_choosing_a_server_that_cannot_be_run_is_an_error(name: str) -> None:
    with pytest.raises(CommandError, match=f"^{name} cannot be run: "):
        chosen_pairs(f"ministack {name}")


def test_an_unknown_server_is_an_error_that_lists_the_known_names() -> None:
    with pytest.raises(CommandError, match=r"^sqs: there are only ministack, fauxqs\+dynalite\.$"):
        chosen_pairs("sqs")


def test_the_page_has_the_results_of_the_runs() -> None:
    page = render(RESULT)

    for figure in (
        *("Seed 17", "abc1234", "fauxqs 2.4.1", "- *another* was not run: it needs a moon."),
        "| fauxqs | dynalite | transaction | 2,000 | 10 | 0 | 0 | 0 | 33 s |",
        *("| It sorts. | Its end | fauxqs |", "| It waits. | A page | fauxqs, other |"),
    ):
        assert figure in page


def test_the_json_has_every_run() -> None:
    (run,) = json.loads(RESULT.as_json())["runs"]

    assert (run["events"], run["defects"]["lost"]) == (2_000, 0)


def test_any_defect_is_a_failure() -> None:
    assert RUN.is_clean
    assert not any(replace(RUN, defects={**RUN.defects, kind: 1}).is_clean for kind in KINDS)
