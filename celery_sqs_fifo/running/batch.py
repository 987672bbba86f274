"""Batches of events, which the steps of a chain process, and the outcomes of the events."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Self

from celery.exceptions import Reject

from celery_sqs_fifo.delivery import WAITING, Delivery, Outcome, Result
from celery_sqs_fifo.errors import error_location
from celery_sqs_fifo.place import Place

TRACEPARENT = "traceparent"
# Version 00 of W3C Trace Context uses 55 characters; later versions may use more.
MAX_TRACEPARENT_LENGTH = 512
# A batch whose events are handled one by one begins no further event after this time, in seconds.
MAX_BATCH_SECONDS = 5.0
# Local failures of this number of scopes in one batch are an outage.
SCOPES_OF_AN_OUTAGE = 3


class EventsFailed(Reject):
    """At least one event of a batch did not take effect.

    The exception carries the outcomes of all its events to the worker's main process.
    """

    def __init__(self, outcomes: list[Outcome], requeue: bool = True) -> None:
        super().__init__(outcomes, requeue)

    @property
    def outcomes(self) -> list[Outcome]:
        """Return one outcome for each event, in the order of the batch."""
        return list(self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedEvent:
    """An event as the first task of the chain receives it.

    `place` is the same for every delivery, even of a redriven dead letter. `attributes` are the
    texts of the message attributes that the application's parser reads (see EventRules).
    `traceparent` is the message attribute of that name (W3C Trace Context), which is not validated.
    """

    message_id: str
    group_id: str
    place: Place
    body: str
    attributes: Mapping[str, str] = field(default_factory=dict, hash=False)
    receive_count: int = 1
    traceparent: str = ""

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """Return the event of a delivery."""
        traceparent = str(delivery.attributes.get(TRACEPARENT, {}).get("StringValue", ""))
        return cls(
            message_id=delivery.message_id,
            group_id=delivery.group_id,
            place=delivery.place,
            receive_count=delivery.receive_count,
            body=delivery.body,
            attributes=delivery.texts,
            traceparent=traceparent if len(traceparent) <= MAX_TRACEPARENT_LENGTH else "",
        )

    def as_json(self) -> dict[str, Any]:
        """Return the fields by name, from which `from_json` recreates the event."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return fields | {"place": str(self.place)}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Return the event that `as_json` wrote."""
        return cls(**{**fields, "place": Place.parse(fields["place"])})


@dataclass(slots=True, eq=False)
class BatchItem:
    """An event in the chain, with the state that the steps share and its outcome.

    `outcome` is None while the event is pending: the next step processes it. `trace` is for tracing
    and is not used by the steps.
    """

    event: QueuedEvent
    state: Any = None
    outcome: Outcome | None = None
    trace: Any = None

    def __repr__(self) -> str:
        """Return the message id and the result; Celery writes this into logs and task events."""
        return f"{self.event.message_id} {self.outcome.result if self.outcome else 'ok'}"


def process_each(
    batch: Iterable[BatchItem],
    handle: Callable[[BatchItem], None],
    *,
    outcome_of: Callable[[Exception], Outcome],
    now: Callable[[], float] = monotonic,
) -> None:
    """Call `handle` for each pending event, and set the outcome of each event that fails.

    If an event fails, the later events of its group get the outcome WAITING. Events of other groups
    are still handled. An invalid event does not block its group, because it can never take effect.
    After MAX_BATCH_SECONDS all further events get the outcome WAITING.
    """
    blocked: set[str] = set()
    end = now() + MAX_BATCH_SECONDS
    for item in batch:
        group_id = item.event.group_id
        if item.outcome is None and (group_id in blocked or now() >= end):
            item.outcome = WAITING
        elif item.outcome is None:
            try:
                handle(item)
            except EventsFailed as failed:
                (item.outcome,) = failed.outcomes
            except Exception as error:
                item.outcome = outcome_of(error)
        if item.outcome and item.outcome.result is not Result.INVALID:
            blocked.add(group_id)


def process_together(
    batch: Iterable[BatchItem],
    *,
    handle_all: Callable[[list[BatchItem]], None],
    handle: Callable[[BatchItem], None],
    outcome_of: Callable[[Exception], Outcome],
    scope_of: Callable[[BatchItem], Hashable] = lambda _item: None,
) -> None:
    """Handle all pending events with one call of `handle_all`, which must be all or nothing.

    If a dependency is unavailable, all pending events get that outcome. If the failure is local,
    the events of each scope are handled together, so that only those of the affected scopes fail.
    After any other error `handle` is called for each event, so that only the event at fault fails.
    Both functions must be idempotent. `scope_of` returns the scope of an event.
    """
    batch = list(batch)
    pending = [item for item in batch if item.outcome is None]
    if len(pending) > 1:
        try:
            handle_all(pending)
            return
        except Exception as error:
            outcome = outcome_of(error)
        scopes = _by_scope(pending, scope_of)
        if outcome.result is Result.UNAVAILABLE and outcome.is_local and len(scopes) > 1:
            _handle_scopes(scopes, handle_all=handle_all, outcome_of=outcome_of)
            return
        if outcome.result is Result.UNAVAILABLE:
            for item in pending:
                item.outcome = outcome
            return
    process_each(batch, handle, outcome_of=outcome_of)


def _by_scope(
    batch: Iterable[BatchItem], scope_of: Callable[[BatchItem], Hashable]
) -> list[list[BatchItem]]:
    """Return the events of each scope. Events of one message group stay together."""
    scope_of_group: dict[str, Hashable] = {}
    scopes: dict[Hashable, list[BatchItem]] = {}
    for item in batch:
        scope = scope_of_group.setdefault(item.event.group_id, scope_of(item))
        scopes.setdefault(scope, []).append(item)
    return list(scopes.values())


def _handle_scopes(
    scopes: Iterable[list[BatchItem]],
    *,
    handle_all: Callable[[list[BatchItem]], None],
    outcome_of: Callable[[Exception], Outcome],
) -> None:
    """Handle the events of each scope together.

    After failures in SCOPES_OF_AN_OUTAGE scopes, the other scopes get the latest outcome without a
    call. Events that fail for a reason other than an unavailable dependency are run again alone.
    """
    failed: list[Outcome] = []
    for items in scopes:
        outcome = failed[-1] if len(failed) >= SCOPES_OF_AN_OUTAGE else None
        try:
            if outcome is None:
                handle_all(items)
        except Exception as error:
            outcome = outcome_of(error)
            if outcome.result is Result.UNAVAILABLE:
                failed.append(outcome)
            else:
                outcome = WAITING
        for item in items:
            item.outcome = outcome


def bug_outcome(error: Exception) -> Outcome:
    """Return the outcome of an unexpected error."""
    return Outcome(Result.BUG, "bug", error_location(error))
