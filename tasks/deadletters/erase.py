"""Deleting the dead letters of an erased contact from the dead-letter queue."""

import logging
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from apps.common import aws
from apps.common.clock import now
from apps.common.errors import Unavailable
from apps.messages.dead_letter_format import letter_of
from apps.messages.erasing import ContactsLetters
from tasks.deadletters.queue import count_visible, delete, receive, release

logger = logging.getLogger(__name__)

# Seconds. Held letters become visible after the timeout, for example if this process is killed. The
# search ends well before that, so that it does not receive them again.
VISIBILITY_TIMEOUT = 900
MAX_SEARCH_SECONDS = 600
# SQS limits the messages in flight. This leaves room for other receivers.
MAX_HELD = aws.SQS_FIFO_MAX_IN_FLIGHT - 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """The result of searching the dead-letter queue.

    The search is not `complete` if it took too long, if there were too many letters, or if SQS did
    not delete all of them. `unseen` is the approximate number of letters that were not examined.
    After a complete search, these letters belong to groups with held letters, because SQS delivers
    nothing of a group while one of its messages is in flight.
    """

    deleted: int
    unseen: int
    complete: bool


def erase_dead_letters(*, project_uuid: UUID, urn: str, group_ids: Collection[str]) -> SearchResult:
    """Delete the dead letters of a contact in a project, and release the letters of other contacts.

    `group_ids` are the contact's groups; see ContactsLetters. The search holds the letters of other
    contacts and releases them when it ends. Their order does not change. Raise Unavailable.
    """
    letters = ContactsLetters(project_uuid=project_uuid, urn=urn, group_ids=group_ids)
    deadline = time.monotonic() + MAX_SEARCH_SECONDS
    held: list[str] = []
    deleted = 0
    complete = True
    try:
        while found := receive(visibility_timeout=VISIBILITY_TIMEOUT):
            of_contact: list[str] = []
            for message in found:
                is_of_contact = letters.include(letter_of(message, now=now()))
                (of_contact if is_of_contact else held).append(message["ReceiptHandle"])
            refused = delete(of_contact)
            held += refused
            deleted += len(of_contact) - len(refused)
            complete = complete and not refused
            if len(held) >= MAX_HELD or time.monotonic() > deadline:
                complete = False
                break
        return SearchResult(deleted=deleted, unseen=count_visible(), complete=complete)
    finally:
        _release(held)


def _release(receipt_handles: Sequence[str]) -> None:
    """Release held letters. If SQS fails, they become visible when their timeout ends."""
    try:
        release(receipt_handles)
    except Unavailable as error:
        logger.warning("dead_letters_not_released", extra={"error": error.message})
