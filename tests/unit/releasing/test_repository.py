"""A release is an annotated tag of a commit that has everything."""

import subprocess
from pathlib import Path

import pytest

from embedded.commands import CommandError
from releasing import repository


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with one commit."""
    for command in (
        ["init", "--quiet"],
        ["config", "user.name", "Somebody"],
        ["config", "user.email", "somebody@example.org"],
        ["commit", "--quiet", "--allow-empty", "--message", "First"],
    ):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    return tmp_path


def test_a_file_that_is_not_committed_stops_the_release(root: Path) -> None:
    repository.check_clean(root)
    (root / "new.py").touch()

    with pytest.raises(CommandError, match=r"new\.py"):
        repository.check_clean(root)


def test_the_tag_is_annotated_with_the_section_and_its_headings(root: Path) -> None:
    repository.check_new(root, tag="v1.0.0")
    repository.tag(root, tag="v1.0.0", message="### Added\n\n- A thing.")

    show = ["git", "for-each-ref", "--format=%(objecttype)%0a%(contents)", "refs/tags/v1.0.0"]
    shown = subprocess.run(show, cwd=root, check=True, capture_output=True, text=True).stdout
    assert shown.strip() == "tag\nv1.0.0\n\n### Added\n\n- A thing."


def test_a_version_is_tagged_once(root: Path) -> None:
    repository.tag(root, tag="v1.0.0", message="- A thing.")

    with pytest.raises(CommandError, match=r"raise the version in pyproject\.toml"):
        repository.check_new(root, tag="v1.0.0")


def test_a_folder_without_git_is_explained(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="git failed:"):
        repository.check_clean(tmp_path)
