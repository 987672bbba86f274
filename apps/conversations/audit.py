"""The audit log: who did what to which object, in the admin site and by management commands.

It is a table of its own and not django.contrib.admin's LogEntry: that one needs a row of a user
for each entry, which a command line has none of; it keeps the object's name, which may be a
contact's; and it cannot be searched by an object's id without reading the table. There are no two
logs: what the admin site would write there is written here (apps/conversations/admin/base.py).

An entry commits with what it tells, where that is a transaction, and before it where it is not: so
nothing is done without one. It never has a contact's address, a name or a text.
"""

import os
import pwd
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.db.models import Model

from apps.common.clock import now
from apps.conversations.models import AuditAction, AuditEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Somebody who signed in to the admin site, or who has a shell."""

    name: str
    source: Literal["admin", "command"]


def command_line() -> Actor:
    """Who runs this process, as user@host: the one who called sudo, if it was called."""
    return Actor(name=f"{_user()}@{socket.gethostname()}", source="command")


def record(
    *,
    actor: Actor,
    action: AuditAction,
    of: type[Model] | str,
    object_id: object,
    **detail: Any,
) -> None:
    """Write one entry. `detail` has ids, counts and settings, all fit for JSON."""
    record_all(actor=actor, action=action, of=of, details={object_id: detail})


def record_all(
    *,
    actor: Actor,
    action: AuditAction,
    of: type[Model] | str,
    details: Mapping[Any, Mapping[str, Any]],
) -> None:
    """Write one entry for each object, with what there is to say of it by its id."""
    at = now()
    object_type = of if isinstance(of, str) else str(of._meta.verbose_name)
    AuditEntry.objects.bulk_create(
        [
            AuditEntry(
                at=at,
                actor=actor.name[:255],
                source=actor.source,
                action=action,
                object_type=object_type,
                object_id=str(object_id)[:255],
                detail=dict(detail),
            )
            for object_id, detail in details.items()
        ],
        batch_size=1_000,
    )


def each(object_ids: Iterable[Any]) -> dict[Any, dict[str, Any]]:
    """Objects of which there is nothing else to say."""
    return {object_id: {} for object_id in object_ids}


def _user() -> str:
    """By the process's own id: the environment only counts for what root was called by."""
    user_id = os.getuid()
    if user_id == 0 and os.environ.get("SUDO_USER"):
        return os.environ["SUDO_USER"]
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return str(user_id)
