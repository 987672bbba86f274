"""Fixtures with the previous release and this one."""

from pathlib import Path

import pytest

from tests.upgrade.previous import installed_release
from tests.upgrade.release import Release, current_release


@pytest.fixture(scope="session")
def old() -> Release:
    """The release that `previous_release` names."""
    return installed_release()


@pytest.fixture
def new(tmp_path: Path) -> Release:
    """A copy of this release, to which a test may add a migration."""
    return current_release(folder=tmp_path / "new")
