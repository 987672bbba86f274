"""Runs histories through the service's own code."""

import json
import random
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from apps.common import clock
from apps.conversations import erasing
from apps.conversations.models import Conversation, Resolution
from apps.conversations.operator_requests import request_close, request_reopen
from apps.conversations.span_models import Span
from apps.messages.archiving import migrate
from celery_sqs_fifo import BatchItem, Place, QueuedEvent
from tasks.closing import close_conversation, reopen_conversation
from tasks.erasing import erase_contact
from tests.histories.deliveries import deliveries
from tests.histories.events import Action, Event, History, Kind, Step
from tests.histories.stored import Stored
from tests.support.builders import PROJECT

_AFTER_ALL_SEQUENCES = 2 * 10**19
_EVENT_TYPES = {Kind.ANSWER: Kind.RECEIVED}


class Run:
    """One history, run through the chain and the pointers.

    `deliver` runs a batch through the chain. `unstable` has the events that changed their
    conversation.
    """

    def __init__(self, history: History, *, deliver: Callable[[list[BatchItem]], None]) -> None:
        self.history = history
        self.urn = f"telegram:{uuid4().hex}"
        # Its own, so that figures can be read for one history.
        self.channel = uuid4()
        self.unstable: list[str] = []
        self._deliver = deliver
        self._rng = random.Random(f"deliveries of {history.seed}")  # noqa: S311 (repeatable)
        self._events = {event.number: event for event in history.events}
        self._homes: dict[int, UUID | None] = {}
        self._targets: dict[int, UUID | None] = {}

    def batches(self, steps: list[Step]) -> Iterator[list[BatchItem]]:
        """Run these steps. Yield each batch of messages; the caller delivers it before the next."""
        for delivery in deliveries(steps, self._events, self._rng):
            first, *_ = delivery.steps
            events = [self._events[step.event] for step in delivery.steps]
            if first.action is Action.ARCHIVE:
                self._archive()
            elif events[0].kind is Kind.CLOSE_POINTER:
                self._close_pointer(events[0])
            elif events[0].kind is Kind.REOPEN_POINTER:
                self._reopen_pointer(events[0])
            else:
                batch = [BatchItem(self._queued(event)) for event in events]
                if delivery.is_alone:
                    self._deliver(batch)
                else:
                    yield batch
                for event, item in zip(events, batch, strict=True):
                    self._note(event, item)

    def deletions(self, stored: Stored) -> dict[int, str]:
        """Return the conversation of each deletion that has one, named as in the result."""
        places = {(self._group(one), one.sequence): number for number, one in self._events.items()}
        return {
            places[one.group_id, int(one.sequence_number)]: stored.names[one.conversation_id]
            for one in stored.deletions
            if one.conversation_id
        }

    def homes(self, stored: Stored) -> dict[int, str | None]:
        """Return the conversations that events found, named as in the result."""
        return {
            number: stored.names[uuid] if uuid else None for number, uuid in self._homes.items()
        }

    def erase(self, *, at: datetime) -> None:
        """Erase the contact at this time, which is after all its events."""
        erasure = erasing.request(
            project_uuid=PROJECT,
            urn=self.urn,
            group_ids=erasing.groups_of(project_uuid=PROJECT, urn=self.urn),
            now=clock.now(),
        )
        milliseconds = round(at.timestamp() * 1000)
        place = Place(milliseconds, _AFTER_ALL_SEQUENCES, erasure.group_ids[0])
        self._point(erase_contact, erasure.uuid, place)

    def _note(self, event: Event, item: BatchItem) -> None:
        """Note the conversation of an event of these kinds, which must be the same at each run."""
        if event.kind not in (Kind.RECEIVED, Kind.SENT, Kind.ANSWER, Kind.TAKEOVER):
            return
        found = item.state.conversation_uuid
        if self._homes.setdefault(event.number, found) != found:
            self.unstable.append(f"event {event.number} moved")

    def _archive(self) -> None:
        for uuid in self._conversations().values_list("uuid", flat=True):
            migrate(conversation_uuid=uuid, now=clock.now())

    def _close_pointer(self, event: Event) -> None:
        if event.number not in self._targets:
            target = self._conversations().filter(resolution=Resolution.IN_PROGRESS).first()
            is_of_group = target is not None and target.group_id == self._group(event)
            self._targets[event.number] = target.uuid if target and is_of_group else None
            if target and is_of_group:
                request_close(
                    conversation_uuid=target.uuid,
                    resolution=Resolution(event.resolution),
                    now=clock.now(),
                )
        if target_uuid := self._targets[event.number]:
            self._point(close_conversation, target_uuid, self._place(event))

    def _reopen_pointer(self, event: Event) -> None:
        if event.number not in self._targets:
            self._targets[event.number] = self._request_reopen(event)
        if target_uuid := self._targets[event.number]:
            self._point(reopen_conversation, target_uuid, self._place(event))

    def _request_reopen(self, event: Event) -> UUID | None:
        """Request to reopen the latest conversation, if it ended before the pointer.

        If a conversation is open, nothing is requested, because the service would refuse it.
        """
        last = self._spans().order_by("-starts_at", "-start_group", "-start_sequence").first()
        if last is None or last.last_sequence is None or last.group_id != self._group(event):
            return None
        if event.sequence <= last.last_sequence or (
            last.end_group != last.group_id
            and (event.queue_time, last.group_id) < (last.ended_at, last.end_group)
        ):
            return None
        if self._conversations().filter(resolution=Resolution.IN_PROGRESS).exists():
            return None
        request_reopen(conversation_uuid=last.conversation_id, now=clock.now())
        uuid: UUID = last.conversation_id
        return uuid

    def _point(self, task: Any, uuid: UUID, place: Place) -> None:
        task.push_request(place=str(place))
        try:
            task.run(str(uuid))
        finally:
            task.pop_request()

    def _queued(self, event: Event) -> QueuedEvent:
        return QueuedEvent(
            message_id=f"source-{event.number}",
            group_id=self._group(event),
            place=self._place(event),
            body=self._body(event),
        )

    def _place(self, event: Event) -> Place:
        milliseconds = round(event.queue_time.timestamp() * 1000)
        return Place(milliseconds, event.sequence, self._group(event))

    def _group(self, event: Event) -> str:
        return f"{event.group}:{self.urn}"

    def _body(self, event: Event) -> str:
        data: dict[str, Any] = {
            "project_uuid": str(PROJECT),
            "channel_uuid": str(self.channel),
            "contact_urn": self.urn,
        }
        match event.kind:
            case Kind.CLOSE:
                event_type = "conversation.close"
                data["resolution"] = event.resolution
            case Kind.WINDOW | Kind.TAKEOVER:
                event_type = "conversation.window"
                data |= {"external_id": f"w-{event.number}", "name": event.name}
                data["has_chats_room"] = event.kind is Kind.TAKEOVER
            case Kind.DELETED:
                event_type = str(event.kind)
                data |= {"message": {"id": event.message_id}, "direction": event.direction}
            case _:
                event_type = str(_EVENT_TYPES.get(event.kind, event.kind))
                data["message"] = {
                    "id": event.message_id,
                    "text": event.text,
                    "source": "incoming" if event.text else "system",
                    "created_at": event.created_at,
                    "contact_name": event.name,
                    **({"attachments": [event.attachment]} if event.attachment else {}),
                }
                data |= {"key": event.key, "value": event.value} if event.key else {}
        return json.dumps(
            {"event_type": event_type, "correlation_id": event.correlation_id, "data": data}
        )

    def _conversations(self) -> Any:
        return Conversation.objects.filter(contact_urn=self.urn)

    def _spans(self) -> Any:
        return Span.objects.filter(contact_urn=self.urn, of_span=None)
