"""A pytest plugin that keeps the tests whose result may depend on the version of PostgreSQL."""

import pytest

# The variable with the major version that a run tests.
MAJOR = "POSTGRES_MATRIX_MAJOR"
# An end-to-end test is in it: a worker, whose sessions are ended and whose password changes.
END_TO_END = "tests/e2e/test_rotated_passwords.py"
OWN = "tests/postgres_matrix"
FOLDERS = (OWN, END_TO_END, "tests/integration")
_FIXTURES = {"db", "transactional_db"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the slow integration tests, and those that use no database."""
    left_out = [item for item in items if not _is_kept(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if _is_kept(item)]


def _is_kept(item: pytest.Item) -> bool:
    if item.nodeid.startswith((OWN, END_TO_END)):
        return True
    uses_database = _FIXTURES & set(getattr(item, "fixturenames", ()))
    is_slow = item.get_closest_marker("slow") is not None
    return not is_slow and bool(uses_database or item.get_closest_marker("django_db"))
