"""Stores the rows that the figures count."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from apps.analytics.models import SurveyAnswer
from apps.conversations.models import Conversation, Resolution
from apps.conversations.project_models import Project
from tests.support.builders import CHANNEL, PROJECT, conversation

_NUMBERS = count(1)


def made_project(*, uuid: UUID = PROJECT, timezone: str) -> Project:
    """Store a project with this time zone, or change its time zone."""
    project, _ = Project.objects.update_or_create(uuid=uuid, defaults={"timezone": timezone})
    return project


def opened(
    at: datetime,
    *,
    project: UUID = PROJECT,
    channel: UUID = CHANNEL,
    contact_wrote: bool = False,
    **fields: Any,
) -> Conversation:
    """Store a conversation in progress with a new contact.

    By default, the contact never wrote in it.
    """
    return conversation(
        urn=f"telegram:{next(_NUMBERS)}",
        opened_at=at,
        project_id=project,
        channel_uuid=channel,
        contact_wrote=contact_wrote,
        **fields,
    )


def closed(
    at: datetime,
    *,
    resolution: Resolution = Resolution.UNCLASSIFIED,
    messages: int = 0,
    archived: bool = True,
    opened_at: datetime | None = None,
    **fields: Any,
) -> Conversation:
    """Store a closed conversation of a new contact, by default opened a year before."""
    return opened(
        opened_at or at - timedelta(days=365),
        closes_at=at,
        ended_at=at,
        resolution=resolution,
        message_count=messages,
        archived_at=at + timedelta(minutes=1) if archived else None,
        **fields,
    )


def answers(
    scores: Sequence[int],
    *,
    at: datetime,
    key: str = "weni_csat",
    project: UUID = PROJECT,
    channel: UUID = CHANNEL,
    conversation: Conversation | None = None,
    is_replaced: bool = False,
) -> None:
    """Store an answer with each score, by default without a conversation."""
    SurveyAnswer.objects.bulk_create(
        SurveyAnswer(
            project_id=project,
            channel_uuid=channel,
            contact_urn="telegram:1",
            message_id=f"answer-{next(_NUMBERS)}",
            conversation=conversation,
            key=key,
            value=str(score),
            score=score,
            answered_at=at,
            is_replaced=is_replaced,
            identity=str(next(_NUMBERS)),
            sequence_number=1,
            group_id="group",
        )
        for score in scores
    )
