"""Closing and reopening by operators: each request is stored and later executed in its group."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.common.errors import ConversationServiceError
from apps.conversations import transitions
from apps.conversations.closing_times import next_closing
from apps.conversations.contacts import Contact
from apps.conversations.models import Conversation, Resolution
from apps.conversations.selectors import of_contact

# Changes that discard a request which is refused at its execution.
_DISCARDED = {"requested_resolution": None, "due_at": None, "close_requested_at": None}


class Refused(ConversationServiceError):
    """A request that cannot be executed. The message contains the reason and the remedy."""


def request_close(*, conversation_uuid: UUID, resolution: Resolution, now: datetime) -> None:
    """Request that a conversation be closed with this resolution. Raise Refused."""
    with transaction.atomic():
        conversation = _locked(conversation_uuid)
        if conversation.resolution != Resolution.IN_PROGRESS:
            raise Refused(f"{conversation_uuid} is closed already, as {_label(conversation)}.")
        _request(conversation, resolution, now)


def request_reopen(*, conversation_uuid: UUID, now: datetime) -> None:
    """Request that a closed conversation be reopened. Raise Refused."""
    with transaction.atomic():
        conversation = _locked(conversation_uuid)
        if conversation.resolution == Resolution.IN_PROGRESS:
            raise Refused(f"{conversation_uuid} is in progress: there is nothing to reopen.")
        other = _another_in_progress(conversation)
        if other:
            raise _refusal(conversation, other)
        _request(conversation, Resolution.IN_PROGRESS, now)


def reopen(*, conversation_uuid: UUID, now: datetime) -> None:
    """Reopen a conversation until its next closing time, if that is still requested.

    Discard the request and raise Refused if the contact has another conversation in progress by
    now.
    """
    with transaction.atomic():
        conversation = _locked(conversation_uuid)
        if conversation.requested_resolution != Resolution.IN_PROGRESS:
            return
        other = _another_in_progress(conversation)
        changes = _DISCARDED if other else _reopened(conversation, now)
        Conversation.objects.filter(pk=conversation.pk).update(**changes)
    if other:
        raise _refusal(conversation, other)


def _reopened(conversation: Conversation, now: datetime) -> dict[str, Any]:
    project = conversation.project
    # An event that was queued before the reopening was claimed must not close it again.
    opened_at = conversation.close_requested_at or now
    closes_at = next_closing(
        after=now, timezone=project.timezone, closing_time=project.closing_time
    )
    return transitions.reopened(
        opened_at=opened_at,
        closes_at=closes_at,
        due_at=transitions.first_due(
            closes_at=closes_at, silent_since=now, idle_timeout=project.idle_timeout
        ),
    )


def _locked(conversation_uuid: UUID) -> Conversation:
    try:
        return Conversation.objects.select_for_update(of=("self",)).get(uuid=conversation_uuid)
    except Conversation.DoesNotExist:
        raise Refused(f"There is no conversation {conversation_uuid}.") from None


def _another_in_progress(conversation: Conversation) -> Conversation | None:
    contact = Contact(
        project_uuid=conversation.project_id,
        channel_uuid=conversation.channel_uuid,
        urn=conversation.contact_urn,
    )
    return of_contact(contact).filter(resolution=Resolution.IN_PROGRESS).first()


def _refusal(conversation: Conversation, other: Conversation) -> Refused:
    return Refused(
        f"{conversation.uuid} cannot be reopened while {other.uuid} of the same contact is in "
        "progress. Close that one first."
    )


def _request(conversation: Conversation, resolution: Resolution, now: datetime) -> None:
    conversation.requested_resolution = resolution
    conversation.due_at = now
    conversation.save(update_fields=["requested_resolution", "due_at"])


def _label(conversation: Conversation) -> str:
    return Resolution(conversation.resolution).label.lower()
