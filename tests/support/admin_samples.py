"""One object or more of every kind that the admin site lists, in all their states."""

from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from django.contrib.auth.models import Group, User
from django_celery_beat.models import CrontabSchedule, PeriodicTask

from apps.analytics.models import OutboxEvent, SurveyAnswer
from apps.conversations import audit
from apps.conversations.audit import Actor
from apps.conversations.audit_models import AuditAction
from apps.conversations.erasure_models import Erasure
from apps.conversations.models import Conversation, EarlierClosing, Resolution
from apps.conversations.project_models import Project
from apps.messages import producer_problems, store
from apps.messages.models import DeadLetter
from apps.messages.producer_problems import NO_PROJECT, Finding, Problem
from tasks.schedules import ensure_schedules
from tests.support.builders import (
    CHANNEL,
    HOME,
    PROJECT,
    conversation,
    entries,
    message_body,
    sequence_at,
    target,
)
from tests.support.console import made_chat, made_shop
from tests.support.services import answer_recorded

UNKNOWN_PROJECT = UUID("00000000-0000-4000-8000-00000000dead")
MINUTE = timedelta(minutes=1)

_NUMBERS = count(1)


def made_admin_samples(*, at: datetime) -> None:
    """Store the samples, as they are at a time. Needs the fixture `aws`."""
    made_shop(name="Paulista Bakery")
    Project.objects.create(
        uuid=uuid4(), timezone="Asia/Kolkata", idle_timeout=90 * MINUTE, archive_retention=None
    )
    made_conversations(at=at)
    made_answers(at=at)
    made_letters(at=at)
    made_problems(at=at)
    made_erasures(at=at)
    made_accounts()
    made_schedules(at=at)


def made_conversations(*, at: datetime) -> None:
    """Store conversations in progress, with a request, closed, archived and reopened."""
    chat = made_chat(at=at - timedelta(days=2))
    unarchived = conversation(
        urn="telegram:2001",
        opened_at=at - timedelta(hours=7),
        contact_name="Caio",
        closes_at=at,
        ended_at=at - timedelta(hours=1),
        resolution=Resolution.HAS_CHAT_ROOM,
        has_chats_room=True,
        external_id="window-1",
        csat=5,
        nps=10,
    )
    conversation(
        urn="telegram:2002",
        opened_at=at - timedelta(hours=3),
        contact_name="",
        requested_resolution=Resolution.UNRESOLVED,
        due_at=at,
    )
    busy = conversation(
        urn="telegram:2003",
        opened_at=at - 5 * MINUTE,
        closes_at=at + timedelta(hours=9),
        contact_name="Anabela Tavares de Albuquerque",
    )
    for one in entries(number=3, start=at - 5 * MINUTE):
        store.put(target=target(busy.uuid), entry=one, now=at)
    EarlierClosing.objects.create(
        conversation=chat,
        project_id=PROJECT,
        channel_uuid=CHANNEL,
        ended_at=at - timedelta(days=2),
        resolution=Resolution.RESOLVED,
        message_count=2,
        messages_before_reopening=0,
    )
    for action, of in ((AuditAction.READ, chat), (AuditAction.CLOSE, unarchived)):
        audit.record(
            actor=Actor(name="ana", source="admin"),
            action=action,
            of=Conversation,
            object_id=of.pk,
            resolution="resolved",
            locks=False,
        )


def made_answers(*, at: datetime) -> None:
    """Store answers with and without a score, and outbox events in each state."""
    answer_recorded(message_id="scored", at=at - MINUTE)
    answer_recorded(message_id="word", value="Well", problem="not_a_number", at=at - 2 * MINUTE)
    answer_recorded(message_id="custom", key="comment", value="slow " * 30, at=at - 3 * MINUTE)
    answer = SurveyAnswer.objects.latest("pk")
    for delivered_at, refusal in (
        (None, ""),
        (None, "the lake answered 422: unknown project"),
        (at - MINUTE, ""),
    ):
        OutboxEvent.objects.create(
            answer=answer,
            payload={},
            created_at=at - 10 * MINUTE,
            delivered_at=delivered_at,
            refusal=refusal,
        )


def made_letters(*, at: datetime) -> None:
    """Store dead letters in each state, of a known, an unknown and no project."""
    stored_letter(at=at - MINUTE, reason="malformed_field", error="data.value: write it like 5")
    stored_letter(at=at - timedelta(hours=2), redrive_requested_at=at - MINUTE)
    stored_letter(at=at - timedelta(hours=3), redrive_refusal="too large")
    stored_letter(at=at - timedelta(days=3), redriven_at=at, redrive_count=1)
    stored_letter(at=at - timedelta(days=4), reason="lost", project_uuid=UNKNOWN_PROJECT)
    stored_letter(at=at - timedelta(days=5), reason="not_json", project_uuid=None, body="{")
    stored_letter(at=at - timedelta(days=6), reason="of_the_next_release")


def stored_letter(*, at: datetime, **fields: Any) -> DeadLetter:
    """Store a dead letter of an event that was queued at this time."""
    number = next(_NUMBERS)
    values = {
        "message_id": str(UUID(int=number, version=4)),
        "source_message_id": str(UUID(int=number + 10_000, version=4)),
        "group_id": HOME,
        "sequence_number": sequence_at(at, number=number),
        "body": message_body(message={"id": f"m-{number}"}),
        "attributes": {"event_type": {"DataType": "String", "StringValue": "message.received"}},
        "reason": "bug",
        "error": "KeyError at store.py:118 put",
        "queue_time": at,
        "receive_count": 5,
        "project_uuid": PROJECT,
        "channel_uuid": CHANNEL,
        "contact_urn": "telegram:1001",
        "collected_at": at + MINUTE,
    }
    return DeadLetter.objects.create(**{**values, **fields})


def made_problems(*, at: datetime) -> None:
    """Count a problem of each kind, and one without a project."""
    producer_problems.count(
        [
            *(Finding(project_uuid=PROJECT, at=at, problem=problem) for problem in Problem),
            Finding(
                project_uuid=NO_PROJECT, at=at, problem=Problem.MALFORMED, detail="missing_field"
            ),
        ]
    )


def made_erasures(*, at: datetime) -> None:
    """Store a pending and a completed erasure."""
    Erasure.objects.create(
        project_id=PROJECT,
        contact_hash="0" * 64,
        contact_urn="telegram:3001",
        group_ids=["group:telegram:3001"],
        requested_at=at - MINUTE,
    )
    Erasure.objects.create(
        project_id=PROJECT,
        contact_hash="1" * 64,
        requested_at=at - timedelta(days=1),
        erased_at=at - timedelta(hours=23),
        removed={"conversations": 2, "messages": 14, "dead_letters": 0},
    )


def made_accounts() -> None:
    """Store a group and another user."""
    group = Group.objects.create(name="Support")
    User.objects.create_user("bia", is_staff=True).groups.add(group)


def made_schedules(*, at: datetime) -> None:
    """Store the service's schedules, of which one has run, and one with a crontab."""
    ensure_schedules()
    PeriodicTask.objects.filter(name="Collect dead letters").update(last_run_at=at - MINUTE)
    at_night = CrontabSchedule.objects.create(minute="0", hour="3", timezone="UTC")
    task = PeriodicTask.objects.get(name="Collect dead letters").task
    PeriodicTask.objects.create(name="Collect at night", task=task, crontab=at_night)
