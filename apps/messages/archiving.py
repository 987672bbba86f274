"""Merging a conversation's messages from DynamoDB into its archive in PostgreSQL.

This module reads DynamoDB; apps.messages.archive writes the archive. Archived items stay in
DynamoDB until they expire. Only the content of deleted messages is removed there at once.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection, transaction

from apps.common.compiled_queries import CompiledQuery, Parameter
from apps.conversations.contacts import Contact
from apps.conversations.models import Conversation, Resolution
from apps.conversations.selectors import contact_of
from apps.messages import archive, deletions, producer_problems, store
from apps.messages.archive_parts import identities, merged_places
from apps.messages.models import MessageDeletion
from apps.messages.producer_problems import Finding, Problem
from apps.messages.retries import Turns
from apps.messages.versions import Document, identity, merge_documents


class Merged(NamedTuple):
    """How many versions were merged into the archives of a conversation and of others.

    `retries` is how many of them are possible retries (see apps.messages.retries) of messages that
    were merged in the same run.
    """

    own: int
    others: int
    retries: int = 0


NOTHING = Merged(own=0, others=0)
# Conversations with the fields that archiving needs.
_NEEDED = Conversation.objects.only(
    "project",
    "channel_uuid",
    "contact_urn",
    "group_id",
    "resolution",
    "message_count",
    "archived_at",
    "archive_deleted_at",
)
_BY_UUID = CompiledQuery(lambda: _NEEDED.filter(uuid=Parameter("conversation")))
_MARK = """
UPDATE conversations_conversation AS conversation SET archived_at = %(now)s
WHERE uuid = %(conversation)s AND archived_at IS NULL AND resolution <> %(in_progress)s
    AND NOT (%(only_if_none_waits)s AND EXISTS (
        SELECT FROM conversation_messages_messagedeletion AS waiting
        WHERE waiting.project_uuid = conversation.project_id
            AND waiting.contact_urn = conversation.contact_urn
            AND waiting.channel_uuid = conversation.channel_uuid
            AND waiting.conversation_id IS NULL AND waiting.recorded_at > %(waiting_since)s
    ))
"""


def migrate(*, conversation_uuid: UUID, now: datetime) -> Merged:
    """Merge the messages that the archive lacks into it; return how many versions were merged.

    The messages are read in bounded groups. Each group is merged, checked and committed, so a crash
    loses nothing, and a rerun ends in the same archive. No row is locked while DynamoDB is read.
    Then the contact's deletions that wait for a message of this archive are applied, for which
    other conversations may have to be archived. A closed conversation is then marked as archived.
    The function stops when it finds that the conversation was erased. Raise Unavailable.
    """
    conversation = _BY_UUID.first(conversation=conversation_uuid)
    if conversation is None:
        return NOTHING
    own = _merge_stored(conversation, now=now)
    # Whatever closes a conversation meanwhile also marks it.
    is_unmarked = conversation.resolution != Resolution.IN_PROGRESS and not conversation.archived_at
    if is_unmarked and _mark(conversation_uuid, only_if_none_waits=True, now=now):
        return own
    others = _apply_waiting(conversation, now=now)
    if is_unmarked:
        _mark(conversation_uuid, only_if_none_waits=False, now=now)
    return Merged(own=own.own, others=others.others, retries=own.retries + others.retries)


def apply_deletions(
    *, contact: Contact, waiting: Sequence[MessageDeletion], now: datetime
) -> Merged:
    """Delete the messages of these waiting deletions of the contact, where they are found.

    Conversations that may have these messages are archived first. Return what that merged. Raise
    Unavailable.
    """
    if not waiting:
        return NOTHING
    merged = []
    unarchived = _NEEDED.filter(uuid__in=deletions.unarchived(contact, waiting))
    for conversation in unarchived.order_by("uuid"):
        merged.append(_merge_stored(conversation, now=now))
    for recorded in waiting:
        if found := deletions.find_conversation(recorded):
            _apply(recorded, found, now=now)
    return Merged(
        own=0,
        others=sum(one.own for one in merged),
        retries=sum(one.retries for one in merged),
    )


def _mark(conversation_uuid: UUID, *, only_if_none_waits: bool, now: datetime) -> bool:
    """Mark a closed conversation as archived, if it is not; return whether that was done.

    With `only_if_none_waits`, it is not done if a deletion of the contact waits for its message.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _MARK,
            {
                "now": now,
                "conversation": conversation_uuid,
                "in_progress": Resolution.IN_PROGRESS,
                "only_if_none_waits": only_if_none_waits,
                "waiting_since": now - deletions.MAX_WAIT,
            },
        )
        return bool(cursor.rowcount)


def _apply_waiting(conversation: Conversation, *, now: datetime) -> Merged:
    """Apply the deletions that wait for any message of this archive.

    They may wait for a message that an earlier run merged, if it crashed before it applied them.
    """
    contact = contact_of(conversation)
    waiting = list(deletions.waiting(contact, now=now))
    if not waiting:
        return NOTHING
    archived = identities(conversation.uuid)
    found = [one for one in waiting if one.identity in archived]
    return apply_deletions(contact=contact, waiting=found, now=now)


def _merge_stored(conversation: Conversation, *, now: datetime) -> Merged:
    """Merge what the archive lacks, without the content of deleted messages."""
    # Without an archive, no places are known, and no deletions have found their messages. Merging
    # looks again under the row's lock.
    had_archive = bool(conversation.message_count or conversation.archive_deleted_at)
    own = deletions.of_conversation(conversation) if had_archive else []
    known = merged_places(conversation.uuid) if had_archive else set()
    if own:
        _remove_content(conversation, own, now=now)
    merged = retries = 0
    turns = Turns()
    for batch in store.batches(conversation.uuid, known=known):
        try:
            merged += archive.merge(
                conversation_uuid=conversation.uuid, versions=batch.versions, deletions=own
            )
        except Conversation.DoesNotExist:
            break
        retries += sum(map(turns.is_retry, batch.documents))
    retry = Finding(conversation.project_id, now, Problem.POSSIBLE_RETRY)
    producer_problems.count([retry] * retries)
    return Merged(own=merged, others=0, retries=retries)


def _apply(recorded: MessageDeletion, conversation: Conversation, *, now: datetime) -> None:
    """Delete a message that is in the archive of this conversation."""
    deletion = deletions.document(recorded, home=conversation.group_id)
    # DynamoDB first: until the commit, the deletion waits, and a rerun does everything again.
    _remove_content(conversation, [deletion], now=now)
    try:
        with transaction.atomic():
            archive.merge(conversation_uuid=conversation.uuid, versions={}, deletions=[deletion])
            recorded.conversation = conversation
            recorded.save(update_fields=["conversation"])
    except Conversation.DoesNotExist:
        return


def _remove_content(
    conversation: Conversation, deleted: Sequence[Document], *, now: datetime
) -> None:
    """Remove the content of deleted messages from DynamoDB. Their items stay."""
    home = conversation.group_id
    by_identity = {identity(one): one for one in deleted}

    def without_content(document: Document) -> Document:
        deletion = by_identity.get(identity(document))
        if deletion is None or "deleted" in document:
            return document
        return merge_documents([document, deletion], home=home)

    store.replace(conversation.uuid, replacement_of=without_content, now=now)
