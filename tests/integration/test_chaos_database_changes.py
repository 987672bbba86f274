"""Each change of the database in chaos runs stops the service until the change ends."""

import time

import pytest
from django.db import Error, connection

from testbed.database_changes import (
    MISSING_FUNCTION,
    MISSING_TABLE,
    READ_ONLY,
    Change,
)
from tests.chaos.faults.sessions import Sessions
from tests.support.builders import found
from tests.support.samples import database_url

CHANGES = {
    "read-only": READ_ONLY,
    "missing table": MISSING_TABLE,
    "missing function": MISSING_FUNCTION,
}


def is_refused() -> bool:
    """Return whether PostgreSQL refuses to open a conversation, on a new connection."""
    connection.close()
    try:
        found(urn=f"telegram:{time.monotonic_ns()}")
    except Error:
        return True
    return False


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_a_change_stops_the_service_until_it_ends(change: Change) -> None:
    sessions = Sessions(database_url())
    assert not is_refused()

    sessions.change(change, seconds=60)
    give_up_at = time.monotonic() + 10
    while not is_refused() and time.monotonic() < give_up_at:
        time.sleep(0.05)
    was_refused = is_refused()
    sessions.end()

    assert was_refused
    assert not is_refused()
