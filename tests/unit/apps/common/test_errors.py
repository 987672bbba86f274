"""PostgreSQL errors with an external cause never count against an event."""

import psycopg2.errors
import pytest
from django.db import (
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
)

from apps.common.errors import TimeLimitHit, Unavailable, database_may_be_unavailable


class _Reported(psycopg2.Error):
    """An error with a SQLSTATE, like those of psycopg2."""

    pgcode = ""


def raised(kind: type[Error], state: str | None) -> Error:
    """Return the error that Django raises for a SQLSTATE; None stands for a lost connection."""
    cause = type("Reported", (_Reported,), {"pgcode": state})()
    error = kind("a sentence that may quote a row")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        pytest.param(OperationalError, None, id="connection lost"),
        pytest.param(InterfaceError, None, id="connection closed"),
        pytest.param(OperationalError, "08006", id="connection failure"),
        pytest.param(InternalError, "25006", id="read-only after a failover"),
        pytest.param(OperationalError, "25P03", id="idle in transaction"),
        pytest.param(OperationalError, "26000", id="prepared statement missing"),
        pytest.param(OperationalError, "28P01", id="wrong password"),
        pytest.param(OperationalError, "28000", id="login refused"),
        pytest.param(OperationalError, "3D000", id="no such database"),
        pytest.param(ProgrammingError, "3F000", id="no such schema"),
        pytest.param(OperationalError, "40001", id="serialization"),
        pytest.param(OperationalError, "40P01", id="deadlock"),
        pytest.param(ProgrammingError, "42501", id="grant missing"),
        pytest.param(ProgrammingError, "42703", id="column missing"),
        pytest.param(ProgrammingError, "42804", id="type of a column differs"),
        pytest.param(ProgrammingError, "42883", id="function missing"),
        pytest.param(ProgrammingError, "42P01", id="table missing"),
        pytest.param(ProgrammingError, "42P05", id="prepared statement there already"),
        pytest.param(OperationalError, "53100", id="disk full"),
        pytest.param(OperationalError, "53300", id="too many connections"),
        pytest.param(OperationalError, "55P03", id="locked"),
        pytest.param(OperationalError, "57014", id="time limit"),
        pytest.param(OperationalError, "57P01", id="shutting down"),
        pytest.param(OperationalError, "58030", id="input and output"),
    ],
)
def test_an_external_error_is_raised_as_unavailable(kind: type[Error], state: str | None) -> None:
    expected = pytest.raises(Unavailable, match="PostgreSQL is unavailable: Reported")
    with expected, database_may_be_unavailable():
        raise raised(kind, state)


def test_a_time_limit_is_distinguished_from_other_external_errors() -> None:
    with pytest.raises(TimeLimitHit), database_may_be_unavailable():
        raise raised(OperationalError, "57014")
    with pytest.raises(Unavailable) as caught, database_may_be_unavailable():
        raise raised(OperationalError, "57P01")
    assert not isinstance(caught.value, TimeLimitHit)


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        pytest.param(DataError, "22001", id="value too long"),
        pytest.param(IntegrityError, "23505", id="unique"),
        pytest.param(ProgrammingError, "42601", id="syntax"),
        pytest.param(OperationalError, "54000", id="program limit exceeded"),
        pytest.param(InternalError, "XX000", id="internal"),
    ],
)
def test_an_error_that_the_event_itself_causes_is_raised_unchanged(
    kind: type[Error], state: str
) -> None:
    error = raised(kind, state)

    with pytest.raises(kind) as caught, database_may_be_unavailable():
        raise error
    assert caught.value is error
