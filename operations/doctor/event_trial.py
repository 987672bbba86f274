"""A trial of the work that events do in PostgreSQL, which is rolled back."""

from collections.abc import Callable, Mapping
from datetime import datetime

from django.db import DatabaseError, InterfaceError

from apps.common.clock import now
from apps.common.errors import NOT_MIGRATED_STATES, Unavailable
from apps.conversations.probing import open_and_roll_back
from operations.doctor.findings import Finding, error, ok
from tasks import health

EVENT = "postgresql.event"
MIGRATE = "Run: python manage.py migrate"
# By SQLSTATE (PostgreSQL, "PostgreSQL Error Codes"), or by its class.
REMEDIES = {
    "25006": "Set DATABASE_URL to the primary server; see postgresql.writable.",
    **dict.fromkeys(NOT_MIGRATED_STATES, MIGRATE),
    "3F000": MIGRATE,
    "42501": "Run as the owner of the tables: GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES "
    "IN SCHEMA public TO ROLE; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO ROLE",
    "26000": "A pooler in statement mode loses the session. Use session or transaction mode.",
    "42P05": "A pooler in statement mode loses the session. Use session or transaction mode.",
    "55P03": "Another transaction holds a lock. Find it with: SELECT * FROM pg_stat_activity",
    "57014": "The server is slow, or a lock is held. See: SELECT * FROM pg_stat_activity",
    "53": "The server has run out of disk space, memory or connections. Free some.",
}
TRIALS: Mapping[str, Callable[[datetime], None]] = {
    "open a conversation": lambda at: open_and_roll_back(now=at),
    "record an answer": health.answer,
    "close a conversation": health.close,
}
OTHER_REMEDY = "Workers get the same error, and wait. See the other findings on postgresql."


def try_event() -> Finding:
    """Return a finding about whether events of all kinds could take effect now."""
    for what, try_it in TRIALS.items():
        try:
            try_it(now())
        except (DatabaseError, InterfaceError, Unavailable) as failure:
            state = _sqlstate(failure)
            line = str(failure).strip().partition("\n")[0]
            return error(
                EVENT,
                f"An event cannot {what}: {line} ({state or type(failure).__name__})",
                REMEDIES.get(state) or REMEDIES.get(state[:2], OTHER_REMEDY),
            )
    return ok(EVENT, "Events can open conversations, record answers, and close conversations.")


def _sqlstate(failure: BaseException) -> str:
    """Return the SQLSTATE of an error or of its causes, or ""."""
    cause: BaseException | None = failure
    while cause:
        if state := getattr(cause, "pgcode", None):
            return str(state)
        cause = cause.__cause__
    return ""
