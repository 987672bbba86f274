"""The previous release is a commit of this repository, and a missing one is explained."""

import subprocess
from pathlib import Path

import pytest

from embedded.commands import CommandError
from embedded.service import PROJECT_ROOT
from tests.upgrade.previous import NAMED_IN, installed_release, named_commit

ABSENT = "0" * 40


def test_it_is_an_ancestor_of_this_commit() -> None:
    commit = named_commit(NAMED_IN.read_text())

    result = subprocess.run(
        ["git", "merge-base", "--is-ancestor", commit, "HEAD"], cwd=PROJECT_ROOT, check=False
    )

    assert result.returncode == 0


@pytest.mark.parametrize("text", ["", "main", "556d0cf", f"{ABSENT}\n{ABSENT}"])
def test_it_must_be_named_by_its_whole_hash(text: str) -> None:
    with pytest.raises(CommandError, match="the full hash of a commit"):
        named_commit(text)


def test_a_clone_without_the_commit_is_told_to_fetch_it(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)

    with pytest.raises(CommandError, match="git fetch --unshallow"):
        installed_release(repository=tmp_path, commit=ABSENT, folder=tmp_path / "upgrade")


def test_an_exported_tree_is_told_to_be_a_clone(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="Run this in a clone"):
        installed_release(repository=tmp_path, commit=ABSENT, folder=tmp_path / "upgrade")
