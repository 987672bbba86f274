"""Environments are made from locks, kept while these are the same, and failures are explained."""

from pathlib import Path

import pytest

from embedded.commands import CommandError
from embedded.virtual_environments import install


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """A lock without packages, so that no index is asked."""
    path = tmp_path / "lock.txt"
    path.touch()
    return path


def test_an_environment_is_made_anew_only_if_its_lock_has_changed(
    tmp_path: Path, lock: Path
) -> None:
    folder = tmp_path / "environment"
    scripts = install(folder=folder, locks=[lock], purpose="make this")
    (folder / "mark").touch()

    assert install(folder=folder, locks=[lock], purpose="make this") == scripts
    assert (folder / "mark").exists()

    lock.write_text("# Another lock.\n")
    install(folder=folder, locks=[lock], purpose="make this")
    assert not (folder / "mark").exists()
    assert (scripts / "python").exists()


def test_packages_that_cannot_be_installed_are_explained(tmp_path: Path, lock: Path) -> None:
    lock.write_text("a-package-without-a-hash==1.0\n")

    with pytest.raises(CommandError, match="The packages of make this cannot be installed"):
        install(folder=tmp_path / "environment", locks=[lock], purpose="make this")
