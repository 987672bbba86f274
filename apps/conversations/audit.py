"""The audit log: who did what to which object, in the admin site and by management commands.

It does not use the LogEntry of django.contrib.admin. A LogEntry needs a user, which a command line
does not have. It stores the object's name, which may be the name of a contact. And it has no index
on the object's id. The admin site writes its changes to this log instead
(apps/conversations/admin/base.py).

Every change has an entry: the entry is written in the same transaction as the change or, if the
change is not one transaction, before it. Entries never contain a contact's address, a name or the
text of a message.
"""

import os
import pwd
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from django.db.models import Model, QuerySet
from django.utils import translation

from apps.common.clock import now
from apps.conversations.audit_models import AuditAction, AuditEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A user of the admin site, or the user who runs a management command."""

    name: str
    source: Literal["admin", "command"]


def command_line() -> Actor:
    """Return the user of this process as user@host. Under sudo it is the user who called sudo."""
    return Actor(name=f"{_user()}@{socket.gethostname()}", source="command")


def record(
    *,
    actor: Actor,
    action: AuditAction,
    of: type[Model] | str,
    object_id: object,
    **detail: Any,
) -> None:
    """Write one entry. `detail` holds ids, counts and settings that JSON can represent."""
    record_all(actor=actor, action=action, of=of, details={object_id: detail})


def record_all(
    *,
    actor: Actor,
    action: AuditAction,
    of: type[Model] | str,
    details: Mapping[Any, Mapping[str, Any]],
) -> None:
    """Write one entry for each object id in `details`."""
    at = now()
    object_type = of if isinstance(of, str) else _name_of(of)
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


def entries_before(before: datetime) -> QuerySet[AuditEntry]:
    """Return the entries that were written before a time."""
    return AuditEntry.objects.filter(at__lte=before)


def without_details(object_ids: Iterable[Any]) -> dict[Any, dict[str, Any]]:
    """Return empty `details` for each of these objects."""
    return {object_id: {} for object_id in object_ids}


def _name_of(model: type[Model]) -> str:
    """Return the name of a model in English, in whatever language its user reads pages."""
    with translation.override(None):
        return str(model._meta.verbose_name)


def _user() -> str:
    """Return the user name of the process. SUDO_USER is trusted only if the process is root."""
    user_id = os.getuid()
    if user_id == 0 and os.environ.get("SUDO_USER"):
        return os.environ["SUDO_USER"]
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return str(user_id)
