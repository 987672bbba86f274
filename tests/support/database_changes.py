"""Changes that make the database unusable for a while, as a failover or a deployment may do.

`{database}` stands for the name of the database.
"""

from collections.abc import Sequence
from dataclasses import dataclass

CUT_CONNECTIONS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The statements that make a change, and those that undo it."""

    begin: Sequence[str]
    end: Sequence[str]


# Connections that are still open when the change is undone stay read-only.
READ_ONLY = Change(
    begin=("ALTER DATABASE {database} SET default_transaction_read_only = on", CUT_CONNECTIONS),
    end=("ALTER DATABASE {database} RESET default_transaction_read_only",),
)
MISSING_TABLE = Change(
    begin=("ALTER TABLE conversations_conversation RENAME TO not_migrated",),
    end=("ALTER TABLE not_migrated RENAME TO conversations_conversation",),
)
MISSING_FUNCTION = Change(
    begin=("ALTER FUNCTION conversations_find_or_open_v1 RENAME TO not_migrated",),
    end=("ALTER FUNCTION not_migrated RENAME TO conversations_find_or_open_v1",),
)
