"""PostgreSQL bounds every statement and lock, however the service is connected."""

from collections.abc import Iterator

import pytest
from django.db import connection

from apps.conversations.attribution import FUNCTION
from operations.database_time_limits import ensure_time_limits
from operations.doctor import postgresql
from operations.doctor.findings import Finding, Status

pytestmark = pytest.mark.django_db(transaction=True)


def set_default(setting: str, value: str) -> None:
    """Set a default of the role, as an operator does, and start a new session."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        (database,) = cursor.fetchone()
        cursor.execute(f"ALTER ROLE CURRENT_USER IN DATABASE {database} SET {setting} = '{value}'")
    connection.close()


@pytest.fixture(autouse=True)
def _as_provisioned() -> Iterator[None]:
    yield
    set_default("lock_timeout", "5s")
    set_default("statement_timeout", "30s")


def in_force(setting: str) -> str:
    """Return the value of a setting in this session."""
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {setting}")
        return str(cursor.fetchone()[0])


def found() -> Finding:
    """Return the doctor's finding about the time limits."""
    return {finding.check: finding for finding in postgresql.check()}["postgresql.bounds"]


@pytest.mark.parametrize("setting", ["lock_timeout", "statement_timeout"])
def test_the_doctor_names_a_time_limit_that_is_not_in_force(setting: str) -> None:
    set_default(setting, "0")

    finding = found()

    assert finding.status is Status.ERROR
    assert setting in finding.found
    assert "python manage.py provision" in finding.remedy


def test_provisioning_sets_a_missing_time_limit_for_new_sessions() -> None:
    set_default("lock_timeout", "0")

    ensure_time_limits()
    connection.close()

    assert in_force("lock_timeout") == "5s"
    assert found().status is Status.OK


def test_provisioning_keeps_a_time_limit_that_an_operator_has_set() -> None:
    set_default("statement_timeout", "12s")

    ensure_time_limits()
    connection.close()

    assert in_force("statement_timeout") == "12s"
    assert found().status is Status.OK


def test_the_function_that_opens_conversations_has_its_own_lock_timeout() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT proconfig FROM pg_proc WHERE proname = %s", [FUNCTION])
        (settings,) = cursor.fetchone()

    assert "lock_timeout=5s" in settings
