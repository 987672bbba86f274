"""Reads PostgreSQL, DynamoDB, the lake and the dead-letter queue into plain findings."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from django.db.models import F

from apps.analytics.figures import Period, Scope, figures
from apps.analytics.models import OutboxEvent, SurveyAnswer
from apps.common.clock import now
from apps.common.lossless_json import load, restore
from apps.conversations.models import Conversation, Project, Resolution
from apps.messages.dead_letter_format import body_of, first_sent_milliseconds
from apps.messages.models import ConversationMessages, DeadLetter
from demo.events import JsonObject
from demo.figures import ALL_PROJECTS, ProjectFigures
from demo.findings import (
    Findings,
    FoundAnswer,
    FoundConversation,
    FoundDeadLetter,
    FoundMessage,
    FoundVersion,
)
from demo.goal import Snapshot
from demo.queue import Queues

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def snapshot(*, published: int, queued: int) -> Snapshot:
    """How far the service is, seen from PostgreSQL."""
    closed = Conversation.objects.exclude(resolution=Resolution.IN_PROGRESS)
    by_time = closed.filter(ended_at__gte=F("closes_at")).values_list("project", flat=True)
    return Snapshot(
        published=published,
        queued=queued,
        opened=Conversation.objects.count(),
        closed=closed.count(),
        closed_by_time=Counter(map(str, by_time)),
        archived=closed.exclude(archived_at=None).count(),
        answers=SurveyAnswer.objects.count(),
        in_lake=OutboxEvent.objects.exclude(delivered_at=None).count(),
    )


def read_stores(
    *, queues: Queues, table: str, region: str, lake: Path, started_at: datetime
) -> Findings:
    """All that the service has kept since it was started. Empties the dead-letter queue."""
    stored = _stored_items(table=table, region=region)
    conversations = [
        _conversation(row, items=stored.pop(str(row.uuid), []))
        for row in Conversation.objects.order_by("opened_at").iterator()
    ]
    return Findings(
        conversations=conversations,
        answers=[_answer(row) for row in SurveyAnswer.objects.select_related("outbox_event")],
        dead_letters=[*queues.drain_dead_letters(), *_collected_dead_letters()],
        lake=_lake_events(lake),
        strays=[key for items in stored.values() for key, _ in items],
        figures=_figures(started_at=started_at),
    )


def _collected_dead_letters() -> Iterator[FoundDeadLetter]:
    """Those that beat had moved into their table by now."""
    for row in DeadLetter.objects.order_by("pk").iterator():
        told = {
            "reason": row.reason,
            "error": row.error,
            "group_id": row.group_id,
            "source_message_id": row.source_message_id,
            "first_sent_at": str(first_sent_milliseconds(row)),
            "receive_count": str(row.receive_count),
        }
        yield FoundDeadLetter(body=body_of(row), told=told)


def _conversation(row: Conversation, *, items: list[tuple[str, Any]]) -> FoundConversation:
    contact = {
        "project_uuid": str(row.project_id),
        "channel_uuid": str(row.channel_uuid),
        "contact_urn": row.contact_urn,
    }
    parts = ConversationMessages.objects.filter(conversation=row).order_by("part")
    return FoundConversation(
        **contact,
        uuid=str(row.uuid),
        contact_name=row.contact_name,
        external_id=row.external_id,
        opened_at=row.opened_at,
        closes_at=row.closes_at,
        ended_at=row.ended_at,
        resolution=row.resolution,
        csat=row.csat,
        nps=row.nps,
        message_count=row.message_count,
        archive=[
            _message([entry, *entry.get("edits", [])], contact)
            for part in parts
            for entry in part.messages
        ],
        in_progress=_stored_messages([entry for _, entry in items], contact),
    )


def _stored_messages(entries: list[JsonObject], contact: dict[str, str]) -> list[FoundMessage]:
    """DynamoDB has an item for each version of a message."""
    ordered = sorted(
        entries, key=lambda each: (each["id"], each["created_at"], int(each["sequence_number"]))
    )
    return [
        _message(list(versions), contact)
        for _, versions in groupby(ordered, key=lambda each: each["id"])
    ]


def _message(entries: list[JsonObject], contact: dict[str, str]) -> FoundMessage:
    return FoundMessage(
        message_id=str(restore(entries[0]["id"])),
        versions=[
            FoundVersion(
                document=_as_sent(entry, contact),
                at=datetime.fromisoformat(entry["created_at"]),
            )
            for entry in entries
        ],
    )


def _as_sent(entry: JsonObject, contact: dict[str, str]) -> JsonObject:
    """The event that the entry was made from: nothing it carried may be missing."""
    extra = entry.get("extra", {})
    document: JsonObject = restore(
        {
            **extra.get("event", {}),
            "event_type": entry["event_type"],
            "correlation_id": entry["correlation_id"],
            "data": {**contact, **extra.get("data", {}), "message": entry["message"]},
        }
    )
    return document


def _answer(row: SurveyAnswer) -> FoundAnswer:
    outbox: OutboxEvent | None = getattr(row, "outbox_event", None)
    return FoundAnswer(
        project_uuid=str(row.project_id),
        channel_uuid=str(row.channel_uuid),
        contact_urn=row.contact_urn,
        message_id=row.message_id,
        key=row.key,
        value=row.value,
        score=row.score,
        conversation_uuid=str(row.conversation_id) if row.conversation_id else None,
        event_id=str(outbox.event_id) if outbox else None,
        is_delivered=bool(outbox and outbox.delivered_at),
    )


def _figures(*, started_at: datetime) -> dict[str, ProjectFigures]:
    """What the service says of each project, and of all."""
    day = timedelta(days=1)
    # Wherever a project is, its date is at most one day from that of UTC.
    period = Period(first=started_at.date() - day, last=now().date() + day)
    scopes = {
        str(uuid): Scope(project=uuid) for uuid in Project.objects.values_list("uuid", flat=True)
    }
    return {
        project: _figures_of(scope, period)
        for project, scope in {**scopes, ALL_PROJECTS: Scope()}.items()
    }


def _figures_of(scope: Scope, period: Period) -> ProjectFigures:
    said = figures(scope=scope, period=period)
    csat, nps, closings = said.surveys.csat, said.surveys.nps, said.closings
    return ProjectFigures(
        csat_answers=csat.answers,
        csat=csat.satisfied_percent,
        csat_mean=csat.mean,
        nps_answers=nps.answers,
        promoters=nps.promoters,
        passives=nps.passives,
        detractors=nps.detractors,
        nps=nps.score,
        closed=closings.closed,
        by_resolution={int(one): count for one, count in closings.by_resolution.items()},
        answered=closings.answered,
        response_rate=closings.response_percent,
    )


def _stored_items(*, table: str, region: str) -> dict[str, list[tuple[str, Any]]]:
    """By conversation, the sort key and the entry of every item; past the service's own reader.

    Raises KeyError for a chunk of a body over 400 KB: the demo sends none.
    """
    dynamodb: DynamoDBClient = boto3.client("dynamodb", region_name=region)
    items = defaultdict(list)
    for page in dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        for item in page["Items"]:
            entry = load(item["entry"]["S"])
            items[item["conversation_uuid"]["S"]].append((item["message_key"]["S"], entry))
    return items


def _lake_events(lake: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for file in sorted(lake.rglob("*.jsonl"))
        for line in file.read_text(encoding="utf-8").split("\n")
        if line
    ]
