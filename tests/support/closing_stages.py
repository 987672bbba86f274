"""The stages of closing and archiving that a test starts, and what is stored after them.

The messages and their sequence numbers are the same in each run, so that a difference between the
results of two runs can only come from kills.
"""

import json
from abc import ABC, abstractmethod
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import F
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from apps.common.clock import now
from apps.conversations.archive_checks import LAST_CHECK
from apps.conversations.closing import CLAIM_LEASE
from apps.conversations.models import Conversation, Resolution
from apps.messages.archiving import migrate
from apps.messages.entries import MessageEntry
from tests.support.builders import close_body, conversation, entries, entry, noise
from tests.support.fault_points import BY_EVENT, CHUNKED, LATE, LONG, REFUSED, STAYS_OPEN
from tests.support.running_service import Service
from tests.support.stored import every_item, store_many

# Long ago, so that the conversations are due and without recent messages.
START = datetime(2025, 3, 10, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FAR_AWAY = timedelta(days=36_500)
# These fields must be the same in each run.
OF_CONVERSATION = (
    *("uuid", "group_id", "contact_urn", "contact_name", "has_chats_room"),
    *("resolution", "requested_resolution", "started_at", "opened_at", "closes_at"),
    *("postponed_from", "first_message_at", "last_message_at", "message_count"),
)
OF_PART = ("part", "messages", "message_ids", "first_position", "message_count", "size")
# So many that the tick needs a second page.
SHORT = [UUID(int=LONG.int + number) for number in range(100, 112)]


class Stage(ABC):
    """A stage. `prepare` creates its conversations; `start` starts it, also after a kill."""

    name: str

    @abstractmethod
    def prepare(self) -> None: ...

    @abstractmethod
    def start(self, service: Service) -> None:
        """Start the stage, after the claims of a killed process have expired."""

    @abstractmethod
    def is_done(self) -> bool: ...


class Closing(Stage):
    """A tick closes a long conversation, one with a large body, and short ones."""

    name = "closing"

    def prepare(self) -> None:
        _due(LONG, entries(number=60, start=START))
        large = entry(message_id="large", at=START + MINUTE, text=noise(900_000), sequence_number=2)
        edited = entry(message_id="edited", at=START, text="first")
        edit = entry(message_id="edited", at=START + 2 * MINUTE, text="second", sequence_number=3)
        _due(CHUNKED, [edited, large, edit])
        for number, uuid in enumerate(SHORT):
            _due(uuid, entries(number=1 + number % 3, start=START + number * MINUTE))

    def start(self, service: Service) -> None:
        tick_for_closing(service)

    def is_done(self) -> bool:
        return _all_archived([LONG, CHUNKED, *SHORT])


class Refused(Stage):
    """SQS refuses the pointer of a claim, and the claim is released."""

    name = "refused"

    def prepare(self) -> None:
        _due(REFUSED, entries(number=3, start=START))

    def start(self, service: Service) -> None:
        if Conversation.objects.filter(uuid=REFUSED, close_requested_at=None).exists():
            service.sqs_server.fail_entries(
                status=500, code="InternalError", count=1, actions=["SendMessageBatch"]
            )
        tick_for_closing(service)
        # This tick finds the released conversation.
        tick_for_closing(service)

    def is_done(self) -> bool:
        return _all_archived([REFUSED])


class ByEvent(Stage):
    """An event on the queue closes a conversation."""

    name = "by event"

    def prepare(self) -> None:
        _open(BY_EVENT, entries(number=30, start=START))
        self._is_sent = False

    def start(self, service: Service) -> None:
        if not self._is_sent:
            urn = _urn(BY_EVENT)
            service.send(body=close_body(urn=urn), group=f"group:{urn}")
        self._is_sent = True

    def is_done(self) -> bool:
        return _all_archived([BY_EVENT])


class Late(Stage):
    """Messages that were stored in a closed conversation after its archive was made."""

    name = "late"

    def prepare(self) -> None:
        _due(LATE, entries(number=25, start=START))
        Conversation.objects.filter(uuid=LATE).update(
            resolution=Resolution.UNCLASSIFIED, due_at=None, ended_at=now()
        )
        migrate(conversation_uuid=LATE, now=now())
        within = entry(message_id="late", at=START + timedelta(seconds=3), sequence_number=100)
        after = entry(message_id="later", at=START + MINUTE, sequence_number=101)
        store_many(conversation_uuid=LATE, entries=[within, after])

    def start(self, service: Service) -> None:
        if not self.is_done():
            Conversation.objects.filter(uuid=LATE).update(archive_check_at=now())
        send_tick(service, task="archive_late_messages", group="late-archiving")

    def is_done(self) -> bool:
        return was_checked(LATE)


class StaysOpen(Stage):
    """The messages of a conversation that stays open are archived before they expire."""

    name = "stays open"

    def prepare(self) -> None:
        _open(STAYS_OPEN, entries(number=30, start=START))
        Conversation.objects.filter(uuid=STAYS_OPEN).update(archive_check_at=now())

    def start(self, service: Service) -> None:
        if not self.is_done():
            Conversation.objects.filter(uuid=STAYS_OPEN).update(archive_check_at=now())
        send_tick(service, task="archive_before_expiry", group="archiving")

    def is_done(self) -> bool:
        in_hours = now() + timedelta(hours=1)
        return Conversation.objects.filter(uuid=STAYS_OPEN, archive_check_at__gt=in_hours).exists()


STAGES: tuple[type[Stage], ...] = (Closing, Refused, ByEvent, Late, StaysOpen)


def tick_for_closing(service: Service) -> None:
    """Expire all claims, and send a tick."""
    let_claims_run_out()
    send_tick(service, task="close_due_conversations", group="closing")


def let_claims_run_out() -> None:
    """Date all claims back, so that they have expired."""
    claimed = Conversation.objects.exclude(close_requested_at=None).exclude(due_at=None)
    claimed.update(due_at=F("due_at") - CLAIM_LEASE)


def close_every_second() -> None:
    """Schedule the tick for closing every second."""
    PeriodicTask.objects.create(
        name="Close conversations that are due",
        task="tasks.closing.close_due_conversations",
        interval=IntervalSchedule.objects.create(every=1, period=IntervalSchedule.SECONDS),
    )


def was_checked(uuid: UUID) -> bool:
    """Return whether the first of the two checks of a closed conversation has been made."""
    last_check = F("archived_at") + LAST_CHECK
    return Conversation.objects.filter(uuid=uuid, archive_check_at=last_check).exists()


def send_tick(service: Service, *, task: str, group: str) -> None:
    """Send a tick as beat does, but at once and never as a duplicate."""
    pointer = {"headers": {"task": f"tasks.closing.{task}"}, "body": "[[], {}, {}]"}
    service.send(body=json.dumps(pointer), group=group)


def transcript() -> bytes:
    """Return everything that PostgreSQL and DynamoDB hold of all conversations.

    Times that depend on the clock are left out: those of claims, closes, archives and expiry.
    """
    kept = {
        "conversations": [_conversation(one) for one in Conversation.objects.order_by("uuid")],
        "dynamodb": [{**item, "expires_at": None} for item in every_item()],
    }
    return json.dumps(kept, default=str, indent=1).encode()


def _conversation(one: Conversation) -> dict[str, Any]:
    return {
        **{name: getattr(one, name) for name in OF_CONVERSATION},
        "has_ended": one.ended_at is not None,
        "is_archived": one.archived_at is not None,
        "is_due": one.due_at is not None,
        "parts": list(one.archive_parts.order_by("part").values(*OF_PART)),
    }


def _due(uuid: UUID, messages: list[MessageEntry]) -> None:
    _open(uuid, messages, closes_at=START + timedelta(days=1))


def _open(
    uuid: UUID, messages: list[MessageEntry], *, closes_at: datetime = START + FAR_AWAY
) -> None:
    """Store an open conversation, by default without an end, and its messages in DynamoDB."""
    conversation(
        urn=_urn(uuid),
        opened_at=START,
        uuid=uuid,
        closes_at=closes_at,
        due_at=closes_at,
        archive_check_at=START + FAR_AWAY,
    )
    store_many(conversation_uuid=uuid, entries=messages)


def _urn(uuid: UUID) -> str:
    # Logs may contain the id of the conversation, but not the address of the contact.
    return f"telegram:contact-{uuid}"


def _all_archived(uuids: list[UUID]) -> bool:
    return not Conversation.objects.filter(uuid__in=uuids, archived_at=None).exists()
