"""Changes of conversations: by windows, by closing events, and by a new closing rule."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from apps.conversations import transitions
from apps.conversations.attribution import Attribution, IncomingMessage, find_or_open
from apps.conversations.closing_times import latest_closing, next_closing
from apps.conversations.contacts import Contact
from apps.conversations.erasing import ContactErased
from apps.conversations.models import CLOSED, Conversation, Project, Resolution
from apps.conversations.selectors import of_contact


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The effect of a closing event: whether it closed a conversation, and which to archive.

    `to_migrate` has the uuids of the contact's closed conversations that are not yet archived. One
    may have been closed by an earlier delivery whose worker crashed.
    """

    closed: bool
    to_migrate: list[UUID]


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowUpdate:
    """The fields of a conversation that a `conversation.window` sets. Empty strings set nothing."""

    external_id: str
    contact_name: str


def update_or_open(
    *, contact: Contact, window: WindowUpdate, sent_at: datetime, group_id: str
) -> Attribution | None:
    """Apply a window to the conversation in progress, or open a conversation with it.

    Return None and change nothing if the window is older than the conversation in progress or than
    the end of the last one: a redelivered window must not change the next conversation. Raise
    ContactErased if the window was queued before its contact was erased.
    """
    latest = of_contact(contact).order_by("-opened_at").first()
    if latest and max(latest.opened_at, latest.ended_at or latest.opened_at) > sent_at:
        return None
    message = IncomingMessage(
        contact=contact,
        at=sent_at,
        sent_at=sent_at,
        from_contact=False,
        contact_name=window.contact_name,
        group_id=group_id,
        may_be_late=False,
    )
    (attribution,) = find_or_open([message])
    if attribution.conversation_uuid is None:
        raise ContactErased
    changes = _fields(window)
    if changes:
        (
            Conversation.objects.filter(uuid=attribution.conversation_uuid)
            .exclude(**changes)
            .update(**changes)
        )
    return attribution


def close(
    *,
    contact: Contact,
    resolution: Resolution,
    sent_at: datetime,
    takeover: WindowUpdate | None,
    now: datetime,
) -> Closed:
    """Close the contact's conversation in progress, unless it opened after the closing event.

    `takeover` is the window that reports a takeover by a human, or None for a closing event.
    """
    changes = transitions.closed(resolution=resolution, ended_at=sent_at, now=now)
    if takeover:
        changes |= {"has_chats_room": True, **_fields(takeover)}
    with transaction.atomic():
        open_then = of_contact(contact).filter(
            resolution=Resolution.IN_PROGRESS, opened_at__lte=sent_at
        )
        closed = open_then.update(**changes)
        unarchived = of_contact(contact).filter(resolution__in=CLOSED, archived_at=None)
        return Closed(closed=closed > 0, to_migrate=list(unarchived.values_list("uuid", flat=True)))


def move_open_conversations(*, project: Project, now: datetime) -> int:
    """Apply the project's current closing rule to its open conversations; return how many moved.

    An overdue conversation does not move if it is overdue by the new rule too, because that would
    postpone its closing. The idle timeout starts anew.
    """
    closes_at = next_closing(
        after=now, timezone=project.timezone, closing_time=project.closing_time
    )
    last_closing = latest_closing(
        until=now, timezone=project.timezone, closing_time=project.closing_time
    )
    not_due = Q(closes_at__gt=now, postponed_from=None) | Q(opened_at__gte=last_closing)
    return Conversation.objects.filter(
        not_due, project=project, resolution=Resolution.IN_PROGRESS, requested_resolution=None
    ).update(
        closes_at=closes_at,
        postponed_from=None,
        due_at=transitions.first_due(
            closes_at=closes_at, silent_since=now, idle_timeout=project.idle_timeout
        ),
        close_requested_at=None,
    )


def _fields(window: WindowUpdate) -> dict[str, str]:
    fields = {"external_id": window.external_id, "contact_name": window.contact_name}
    return {field: value for field, value in fields.items() if value}
