"""Errors of PostgreSQL as Django raises them."""

import psycopg2
from django.db import OperationalError


def lock_timeout() -> OperationalError:
    """Return the error of a statement that waited too long for a lock."""
    # psycopg2 sets an SQLSTATE only for errors that a server sends.
    cause = type("LockNotAvailable", (psycopg2.OperationalError,), {"pgcode": "55P03"})
    error = OperationalError("canceling statement due to lock timeout")
    error.__cause__ = cause()
    return error
