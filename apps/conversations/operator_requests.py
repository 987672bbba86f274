"""Closing and reopening by operators: each request is stored and later executed in its group."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from apps.common.errors import ConversationServiceError
from apps.conversations import spans, transitions
from apps.conversations.closing_times import next_closing
from apps.conversations.contacts import Contact
from apps.conversations.models import Conversation, EarlierClosing, Resolution
from apps.conversations.selectors import contact_of, of_contact
from celery_sqs_fifo.place import Place

# The field values that discard a request, if it is refused when it is executed.
_DISCARDED = {"requested_resolution": None, "due_at": None, "close_requested_at": None}


class Refused(ConversationServiceError):
    """A request that cannot be executed. The message contains the reason and the remedy."""


def request_close(*, conversation_uuid: UUID, resolution: Resolution, now: datetime) -> None:
    """Request that a conversation be closed with this resolution. Raise Refused."""
    with transaction.atomic():
        conversation = _locked(conversation_uuid)
        if conversation.resolution != Resolution.IN_PROGRESS:
            sentence = _("%(uuid)s is closed already, as %(resolution)s.")
            raise Refused(
                sentence % {"uuid": conversation_uuid, "resolution": _label(conversation)}
            )
        _request(conversation, resolution, now)


def request_reopen(*, conversation_uuid: UUID, now: datetime) -> None:
    """Request that a closed conversation be reopened. Raise Refused."""
    with transaction.atomic():
        conversation = _locked(conversation_uuid)
        if conversation.resolution == Resolution.IN_PROGRESS:
            sentence = _("%(uuid)s is in progress: there is nothing to reopen.")
            raise Refused(sentence % {"uuid": conversation_uuid})
        other = _another_in_progress(conversation)
        if other:
            raise _refusal(conversation, other)
        _request(conversation, Resolution.IN_PROGRESS, now)


def reopen(*, conversation_uuid: UUID, place: Place) -> None:
    """Reopen a conversation until its next closing time, if that is still requested.

    Its new span begins at `place`, the place of the pointer. A pointer from before the end of the
    contact's last conversation changes nothing; another one is sent later. Discard the request and
    raise Refused if the contact has another conversation in progress by now.
    """
    with transaction.atomic():
        contact = contact_of(_get(conversation_uuid))
        spans.lock_contact(contact)
        conversation = _locked(conversation_uuid)
        if conversation.requested_resolution != Resolution.IN_PROGRESS:
            return
        other = _another_in_progress(conversation)
        if not other and _is_outdated(contact, place):
            return
        changes = _DISCARDED if other else _reopened(conversation, contact, place)
        Conversation.objects.filter(pk=conversation.pk).update(**changes)
    if other:
        raise _refusal(conversation, other)


def _is_outdated(contact: Contact, place: Place) -> bool:
    last = spans.latest(contact)
    return last is not None and not spans.ended_before(last, place)


def _reopened(conversation: Conversation, contact: Contact, place: Place) -> dict[str, Any]:
    project = conversation.project
    _keep_closing(conversation)
    span = spans.reopen(conversation, contact=contact, place=place)
    closes_at = next_closing(
        after=span.opened_at, timezone=project.timezone, closing_time=project.closing_time
    )
    return transitions.reopened(
        reopened_at=span.opened_at,
        message_count=conversation.message_count,
        closes_at=closes_at,
        due_at=transitions.first_due(
            closes_at=closes_at, silent_since=span.opened_at, idle_timeout=project.idle_timeout
        ),
    )


def _keep_closing(conversation: Conversation) -> None:
    """Store the closing that the reopening undoes, for the figures of its day."""
    fields = {field.name for field in EarlierClosing._meta.concrete_fields} - {"id", "conversation"}
    EarlierClosing.objects.create(
        conversation=conversation, **{name: getattr(conversation, name) for name in fields}
    )


def _get(conversation_uuid: UUID) -> Conversation:
    try:
        return Conversation.objects.get(uuid=conversation_uuid)
    except Conversation.DoesNotExist:
        raise _missing(conversation_uuid) from None


def _locked(conversation_uuid: UUID) -> Conversation:
    try:
        return Conversation.objects.select_for_update(of=("self",)).get(uuid=conversation_uuid)
    except Conversation.DoesNotExist:
        raise _missing(conversation_uuid) from None


def _missing(conversation_uuid: UUID) -> Refused:
    return Refused(_("There is no conversation %(uuid)s.") % {"uuid": conversation_uuid})


def _another_in_progress(conversation: Conversation) -> Conversation | None:
    in_progress = of_contact(contact_of(conversation)).filter(resolution=Resolution.IN_PROGRESS)
    return in_progress.first()


def _refusal(conversation: Conversation, other: Conversation) -> Refused:
    sentence = _(
        "%(uuid)s cannot be reopened while %(other)s of the same contact is in progress. "
        "Close that one first."
    )
    return Refused(sentence % {"uuid": conversation.uuid, "other": other.uuid})


def _request(conversation: Conversation, resolution: Resolution, now: datetime) -> None:
    conversation.requested_resolution = resolution
    conversation.due_at = now
    conversation.save(update_fields=["requested_resolution", "due_at"])


def _label(conversation: Conversation) -> str:
    return Resolution(conversation.resolution).label.lower()
