"""Stores the rows that the figures count."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from uuid import UUID

from apps.analytics.models import SurveyAnswer
from apps.conversations.models import Conversation, Project, Resolution
from tests.support.builders import CHANNEL, PROJECT

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
    started_at: datetime | None = None,
) -> Conversation:
    """Store a conversation in progress of a new contact."""
    return stored(
        Conversation(
            project_id=project,
            channel_uuid=channel,
            started_at=started_at or at,
            opened_at=at,
            closes_at=at + timedelta(days=1),
        )
    )


def closed(
    at: datetime,
    *,
    resolution: Resolution = Resolution.UNCLASSIFIED,
    project: UUID = PROJECT,
    channel: UUID = CHANNEL,
    messages: int = 0,
    span: tuple[datetime, datetime] | None = None,
    archived: bool = True,
    opened_at: datetime | None = None,
) -> Conversation:
    """Store a closed conversation of a new contact, by default opened a year before."""
    first, last = span or (None, None)
    return stored(
        Conversation(
            project_id=project,
            channel_uuid=channel,
            started_at=opened_at or at - timedelta(days=365),
            opened_at=opened_at or at - timedelta(days=365),
            closes_at=at,
            ended_at=at,
            resolution=resolution,
            message_count=messages,
            first_message_at=first,
            last_message_at=last,
            archived_at=at + timedelta(minutes=1) if archived else None,
        )
    )


def stored(conversation: Conversation) -> Conversation:
    """Save a conversation with a new contact, and return it."""
    conversation.contact_urn = f"telegram:{next(_NUMBERS)}"
    conversation.group_id = f"group:{conversation.contact_urn}"
    conversation.save(force_insert=True)
    return conversation


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
    """Store an answer for each score, by default without a conversation."""
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
            sequence_number=1,
        )
        for score in scores
    )
