"""Removing the dead letters of an erased contact."""

import logging
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings

from apps.common.lossless_json import parse

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

logger = logging.getLogger(__name__)

# Seconds. Those that are held come back by themselves after the first, should this be killed; the
# search ends well before, or it would meet them again.
VISIBILITY_TIMEOUT = 900
LONGEST_SEARCH = 600
# Below the 120,000 that a FIFO queue may have in flight (SQS, "Message quotas").
MOST_HELD = 100_000
BATCH = 10


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
    """Delete the dead letters of a contact in a project, and give all others back.

    A dead letter is the contact's if its body says so, or if the body names no contact and it came
    from one of these groups. All others are held while the search goes on and are there again
    right after it, in their order. Raises botocore's errors.
    """
    sqs = _client()
    deadline = time.monotonic() + LONGEST_SEARCH
    held: list[str] = []
    deleted = 0
    complete = True
    try:
        while found := _receive(sqs):
            theirs: list[str] = []
            for message in found:
                is_theirs = _is_of(message, (project_uuid, urn), group_ids)
                (theirs if is_theirs else held).append(message["ReceiptHandle"])
            refused = _delete(sqs, theirs)
            held += refused
            deleted += len(theirs) - len(refused)
            complete = complete and not refused
            if len(held) >= MOST_HELD or time.monotonic() > deadline:
                complete = False
                break
        return Search(deleted=deleted, unseen=_visible(sqs), complete=complete)
    finally:
        _give_back(sqs, held)


def _client() -> "SQSClient":
    return boto3.client(
        "sqs",
        region_name=settings.SQS_CONVERSATION_REGION,
        config=Config(
            connect_timeout=2,
            read_timeout=5,
            retries={"mode": "standard", "total_max_attempts": 3},
        ),
    )


def _receive(sqs: "SQSClient") -> Sequence[Mapping[str, Any]]:
    """Up to ten; waiting for them has SQS ask all its servers, so that none says that all is seen
    (SQS, "Short and long polling")."""
    answer = sqs.receive_message(
        QueueUrl=settings.SQS_CONVERSATION_DLQ_URL,
        MaxNumberOfMessages=BATCH,
        WaitTimeSeconds=1,
        VisibilityTimeout=VISIBILITY_TIMEOUT,
        MessageSystemAttributeNames=["MessageGroupId"],
        MessageAttributeNames=["group_id"],
    )
    return answer.get("Messages", [])


def _is_of(
    message: Mapping[str, Any], contact: tuple[UUID, str], group_ids: Collection[str]
) -> bool:
    named = _contact_in(message["Body"])
    if named:
        return named == contact
    told = message.get("MessageAttributes", {}).get("group_id", {}).get("StringValue")
    return message["Attributes"]["MessageGroupId"] in group_ids or told in group_ids


def _contact_in(body: str) -> tuple[UUID, str] | None:
    """The project and the contact that an event names, as far as it can be read at all."""
    try:
        data = parse(body)["data"]
        project_uuid, urn = UUID(data["project_uuid"]), data["contact_urn"]
    except (ValueError, TypeError, LookupError, AttributeError):
        return None
    return (project_uuid, str(urn)) if urn not in (None, "") else None


def _delete(sqs: "SQSClient", receipt_handles: Sequence[str]) -> list[str]:
    """Gives those that SQS did not delete."""
    if not receipt_handles:
        return []
    answer = sqs.delete_message_batch(
        QueueUrl=settings.SQS_CONVERSATION_DLQ_URL,
        Entries=[
            {"Id": str(place), "ReceiptHandle": handle}
            for place, handle in enumerate(receipt_handles)
        ],
    )
    return [receipt_handles[int(failed["Id"])] for failed in answer.get("Failed", ())]


def _visible(sqs: "SQSClient") -> int:
    answer = sqs.get_queue_attributes(
        QueueUrl=settings.SQS_CONVERSATION_DLQ_URL, AttributeNames=["ApproximateNumberOfMessages"]
    )
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def _give_back(sqs: "SQSClient", receipt_handles: Sequence[str]) -> None:
    """What SQS refuses here comes back by itself, when its visibility timeout is over."""
    for start in range(0, len(receipt_handles), BATCH):
        handles = receipt_handles[start : start + BATCH]
        try:
            sqs.change_message_visibility_batch(
                QueueUrl=settings.SQS_CONVERSATION_DLQ_URL,
                Entries=[
                    {"Id": str(place), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                    for place, handle in enumerate(handles)
                ],
            )
        except (BotoCoreError, ClientError) as error:
            logger.warning("dead letters come back late", extra={"error": type(error).__name__})
            return
