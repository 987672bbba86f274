"""Deleting the messages and dead letters of erased contacts in all stores."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, Sum

from apps.conversations.erasing import GROUP_OF_CONTACTS_WITHOUT_CONVERSATIONS
from apps.messages import store
from apps.messages.dead_letter_format import contact_of
from apps.messages.models import ConversationMessages, DeadLetter


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactsLetters:
    """The rule that decides whether a dead letter, on the queue or in PostgreSQL, is a contact's.

    It is if its body names the contact, or if its body names no contact and its event came from one
    of the contact's groups.
    """

    project_uuid: UUID
    urn: str
    group_ids: Collection[str]

    def include(self, letter: DeadLetter) -> bool:
        """Return whether a letter is the contact's. The letter need not be saved."""
        contact = contact_of(letter)
        if contact is None:
            return letter.group_id in self._groups()
        return contact == (self.project_uuid, self.urn)

    def in_postgresql(self) -> Q:
        """Return the rule of `include` as a condition on rows in PostgreSQL."""
        names_contact = Q(project_uuid=self.project_uuid, contact_urn=self.urn)
        names_nobody = Q(project_uuid=None) | Q(contact_urn="")
        return names_contact | Q(names_nobody, group_id__in=self._groups())

    def _groups(self) -> set[str]:
        return set(self.group_ids) - {GROUP_OF_CONTACTS_WITHOUT_CONVERSATIONS}


def delete_dead_letters(letters: ContactsLetters) -> int:
    """Delete a contact's dead letters from PostgreSQL; return how many there were."""
    deleted, _ = DeadLetter.objects.filter(letters.in_postgresql()).delete()
    return deleted


def count_stored(conversation_uuids: Collection[UUID]) -> int:
    """Return how many versions of messages DynamoDB has of these conversations.

    Raises Unavailable.
    """
    return sum(store.count(uuid) for uuid in conversation_uuids)


def delete_stored(conversation_uuids: Collection[UUID]) -> None:
    """Delete all items of these conversations from DynamoDB. Raises Unavailable."""
    for uuid in conversation_uuids:
        store.delete_conversation(uuid)


def count_archived(conversation_uuids: Collection[UUID]) -> int:
    """Return how many messages are in the archives of these conversations."""
    parts = ConversationMessages.objects.filter(conversation_id__in=conversation_uuids)
    count: int | None = parts.aggregate(messages=Sum("message_count"))["messages"]
    return count or 0


def delete_archives(conversation_uuids: Collection[UUID]) -> int:
    """Delete the archives of these conversations; return how many messages they had.

    The caller holds the locks of the conversations.
    """
    count = count_archived(conversation_uuids)
    ConversationMessages.objects.filter(conversation_id__in=conversation_uuids).delete()
    return count
