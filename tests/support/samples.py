"""The sample events, and a check of the effect of each."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from apps.analytics.models import OutboxEvent, SurveyAnswer
from apps.common.lossless_json import restore
from apps.conversations.contacts import Contact
from apps.conversations.models import Conversation, Resolution
from apps.conversations.selectors import of_contact
from celery_sqs_fifo import Outcome, QueuedEvent, Result
from tests.support.builders import queued_event
from tests.support.stored import archived, stored_entries

SAMPLES = Path(__file__).resolve().parents[2] / "demo" / "sample_events.jsonl"
START = datetime(2026, 11, 23, 12, 10, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A sample. `event` is the same for every delivery."""

    name: str
    expect: str
    event: QueuedEvent

    @property
    def data(self) -> dict[str, Any]:
        """The event's `data`."""
        document = json.loads(self.event.body, parse_float=Decimal)
        data: dict[str, Any] = document["data"]
        return data

    @property
    def conversations(self) -> list[Conversation]:
        """The conversations of the contact."""
        contact = Contact(
            project_uuid=self.data["project_uuid"],
            channel_uuid=self.data["channel_uuid"],
            urn=self.data["contact_urn"],
        )
        return list(of_contact(contact))


def samples() -> list[Sample]:
    """Return all samples, queued a second apart."""
    # splitlines would also split at line separators within JSON strings.
    rows = [json.loads(line) for line in SAMPLES.read_text(encoding="utf-8").split("\n") if line]
    return [
        Sample(
            name=row["name"],
            expect=row["expect"],
            event=queued_event(
                body=row["MessageBody"],
                group_id=row["MessageGroupId"],
                sent_at=START + timedelta(seconds=number),
            ),
        )
        for number, row in enumerate(rows)
    ]


def check(*, sample: Sample, outcome: Outcome | None) -> None:
    """Fail unless the event that was just delivered had the effect that the sample expects."""
    expect = sample.expect
    if expect.startswith("quarantine"):
        assert outcome is not None
        assert outcome.result is Result.INVALID
        return
    assert outcome is None, outcome
    if score := re.match(r"conversation\.(csat|nps) (\d+)", expect):
        assert [getattr(one, score[1]) for one in sample.conversations] == [int(score[2])]
    elif closing := re.match(r"conversation closed, resolution (\d), archived", expect):
        _check_closed(sample, resolution=int(closing[1]))
    elif expect.startswith("conversation updated"):
        _check_updated(sample)
    elif expect.startswith("counted and sent to the lake"):
        _check_custom_event(sample)
    elif expect == "on the closed conversation":
        (closed,) = sample.conversations
        assert closed.resolution != Resolution.IN_PROGRESS
        assert closed.csat == int(sample.data["value"])
    elif expect.startswith("in its archive, in its place"):
        _check_late(sample)
    else:
        assert re.match(r"stored|one message in the transcript", expect), expect
        _check_stored(sample)
    if "no chat message" in expect:
        assert not list(_documents(sample))


def _documents(sample: Sample) -> Iterator[dict[str, Any]]:
    """Yield the sample's message from DynamoDB and the archive."""
    message = sample.data["message"]
    message_id = message.get("id") or message["message_id"]
    for conversation in sample.conversations:
        kept = [one.as_json() for one in stored_entries(conversation_uuid=conversation.uuid)]
        kept += archived(conversation_uuid=conversation.uuid)
        yield from (document for document in kept if document["id"] == message_id)


def _check_stored(sample: Sample) -> None:
    original = sample.data["message"]
    kept = [one for one in _documents(sample) if restore(one["message"]) == original]
    assert len(kept) == 1
    (document,) = kept
    assert "\x00" not in str(document["message"])
    assert Conversation.objects.filter(group_id=sample.event.group_id).exists()
    created_at = datetime.fromisoformat(document["created_at"])
    if original["created_at"]:
        assert created_at == datetime.fromisoformat(original["created_at"])
    else:
        assert created_at.timestamp() * 1_000 == sample.event.sent_at


def _check_closed(sample: Sample, *, resolution: int) -> None:
    (closed,) = sample.conversations
    assert closed.resolution == resolution
    assert closed.ended_at is not None
    assert closed.ended_at.timestamp() * 1_000 == sample.event.sent_at
    assert closed.archived_at is not None
    assert closed.has_chats_room is (resolution == Resolution.HAS_CHAT_ROOM)
    assert stored_entries(conversation_uuid=closed.uuid) == []
    transcript = list(archived(conversation_uuid=closed.uuid))
    assert len(transcript) == closed.message_count > 0
    assert transcript == sorted(transcript, key=lambda one: one["created_at"])


def _check_updated(sample: Sample) -> None:
    (current,) = sample.conversations
    assert current.resolution == Resolution.IN_PROGRESS
    assert (current.external_id, current.contact_name) == (
        sample.data["id"],
        sample.data["contact_name"],
    )


def _check_custom_event(sample: Sample) -> None:
    answer = SurveyAnswer.objects.get(key=sample.data["key"])
    assert (answer.value, answer.score) == (sample.data["value"], None)
    assert OutboxEvent.objects.get(answer=answer).payload["value"] == sample.data["value"]


def _check_late(sample: Sample) -> None:
    (closed,) = sample.conversations
    assert closed.resolution != Resolution.IN_PROGRESS
    assert stored_entries(conversation_uuid=closed.uuid) == []
    ids = [document["id"] for document in archived(conversation_uuid=closed.uuid)]
    times = [document["created_at"] for document in archived(conversation_uuid=closed.uuid)]
    assert sample.data["message"]["id"] in ids[1:-1]
    assert times == sorted(times)
