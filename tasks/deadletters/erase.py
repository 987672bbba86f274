"""Removing the dead letters of an erased contact from their queue."""

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
from tasks.deadletters.queue import count_visible, delete, give_back, receive

logger = logging.getLogger(__name__)

# Seconds. Those that are held come back by themselves after the first, should this be killed; the
# search ends well before, or it would meet them again.
VISIBILITY_TIMEOUT = 900
MAX_SEARCH_SECONDS = 600
# Leaves room for others that receive dead letters meanwhile.
MAX_HELD = aws.SQS_FIFO_MAX_IN_FLIGHT - 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What came of looking through the dead letters.

    It is not `complete` if it took too long, if there were too many, or if SQS did not delete all.
    `unseen` is about how many were not looked at. In a complete search those stand behind others of
    their group: SQS shows nothing of a group while some of it is held.
    """

    deleted: int
    unseen: int
    complete: bool


def erase_dead_letters(*, project_uuid: UUID, urn: str, group_ids: Collection[str]) -> Search:
    """Delete the dead letters of a contact in a project from their queue, and give all others back.

    `group_ids` are the contact's groups; see ContactsLetters. The others are held while the search
    goes on and are there again right after it, in their order. Raises Unavailable.
    """
    letters = ContactsLetters(project_uuid=project_uuid, urn=urn, group_ids=group_ids)
    deadline = time.monotonic() + MAX_SEARCH_SECONDS
    held: list[str] = []
    deleted = 0
    complete = True
    try:
        while found := receive(visibility_timeout=VISIBILITY_TIMEOUT):
            theirs: list[str] = []
            for message in found:
                is_theirs = letters.include(letter_of(message, now=now()))
                (theirs if is_theirs else held).append(message["ReceiptHandle"])
            refused = delete(theirs)
            held += refused
            deleted += len(theirs) - len(refused)
            complete = complete and not refused
            if len(held) >= MAX_HELD or time.monotonic() > deadline:
                complete = False
                break
        return Search(deleted=deleted, unseen=count_visible(), complete=complete)
    finally:
        _give_back(held)


def _give_back(receipt_handles: Sequence[str]) -> None:
    """What SQS refuses here comes back by itself, when its visibility timeout is over."""
    try:
        give_back(receipt_handles)
    except Unavailable as error:
        logger.warning("dead_letters_not_released", extra={"error": error.message})
