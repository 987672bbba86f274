"""Every text and test in the catalogue of mutants exists in the project."""

import ast
from collections import Counter
from functools import cache

import pytest

from tests.mutants.catalogue import ROOT, Mutant, mutants
from tests.mutants.copies import Run, Verdict

MUTANTS = mutants()
TEST = "tests/unit/test_it.py::test_it"


def named(mutant: Mutant) -> str:
    return mutant.name


@cache
def functions(file: str) -> frozenset[str]:
    """Return the names of a file's functions."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def test_the_catalogue_has_at_least_forty_entries() -> None:
    assert len(MUTANTS) >= 40


def test_no_two_entries_are_the_same_change() -> None:
    counted = Counter((one.file, one.before, one.after) for one in MUTANTS)

    assert set(counted.values()) == {1}


@pytest.mark.parametrize("mutant", MUTANTS, ids=named)
def test_an_entry_changes_exactly_one_place_to_different_valid_code(mutant: Mutant) -> None:
    before = (ROOT / mutant.file).read_text(encoding="utf-8")
    after = mutant.changed(before)

    assert after != before
    if mutant.file.endswith(".py"):
        compile(after, mutant.file, "exec")


@pytest.mark.parametrize("mutant", MUTANTS, ids=named)
def test_the_test_of_an_entry_exists(mutant: Mutant) -> None:
    file, separator, name = mutant.test.partition("::")

    assert separator
    assert name in functions(file)


@pytest.mark.parametrize("text", ["", "x x"])
def test_a_text_that_does_not_occur_exactly_once_is_an_error(text: str) -> None:
    mutant = Mutant(name="it", file="it.py", before="x", after="y", test=TEST, why="")

    with pytest.raises(ValueError, match=r"^it: it\.py has the text [02] times, not once$"):
        mutant.changed(text)


@pytest.mark.parametrize(
    ("status", "output", "verdict"),
    [
        (0, "1 passed", Verdict.SURVIVED),
        (1, f"FAILED {TEST} - assert 1 == 2", Verdict.KILLED),
        (1, f"ERROR {TEST} - a server did not start", Verdict.UNCLEAR),
        (2, "interrupted", Verdict.UNCLEAR),
        (4, "no such test", Verdict.UNCLEAR),
        (None, "stopped after 180 seconds", Verdict.UNCLEAR),
    ],
)
def test_only_a_test_that_fails_kills_a_mutant(
    status: int | None, output: str, verdict: Verdict
) -> None:
    assert Run(status, output).verdict(TEST) is verdict
