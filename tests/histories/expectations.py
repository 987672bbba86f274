"""The oracle's end state in the form in which the service's is read."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.histories.events import Event, Kind
from tests.histories.oracle import Answer, Conversation, Oracle, is_deleted_by

FOREVER = datetime.max.replace(tzinfo=UTC)
# Stands for the versions of a message that was deleted.
DELETED = "deleted"


def wrong_deletions(oracle: Oracle, found: dict[int, str]) -> list[str]:
    """Return the deletions that belong to another conversation than they may.

    `found` has the service's decisions: the sequence number that opened the conversation.
    """
    return [
        f"deletion {number} belongs to {found.get(number)}"
        for number, allowed in oracle.deletions.items()
        if found.get(number, "none")
        not in [*map(_name, allowed), *(["none"] if oracle.may_wait(number) else [])]
    ]


def expected_result(oracle: Oracle, deletions: dict[int, str]) -> dict[str, Any]:
    """Return the expected state, in the form in which the service's is read.

    `deletions` are the conversations to which the service decided that they belong.
    """
    conversations = {_name(one): _state(oracle, one, deletions) for one in oracle.conversations}
    return {
        "conversations": conversations,
        "homeless": sorted(_answer_state(one) for one in oracle.homeless),
        "lake": sorted(oracle.lake),
    }


def _name(one: Conversation) -> str:
    return str(one.opened_by.sequence)


def _state(oracle: Oracle, one: Conversation, deletions: dict[int, str]) -> dict[str, Any]:
    spans = [span for span in oracle.spans if span.conversation is one]
    return {
        "opened_at": one.opened_by.queue_time,
        "spans": sorted((span.opened_at, span.ended_at or FOREVER) for span in spans),
        "resolution": one.resolution,
        "name": one.name,
        "external_id": one.external_id,
        "is_taken_over": one.is_taken_over,
        "answers": sorted(_answer_state(answer) for answer in one.answers),
        "csat": _score_of(one, "weni_csat"),
        "nps": _score_of(one, "weni_nps"),
        "transcript": _transcript(
            oracle,
            one.messages,
            [oracle.events[number] for number, name in deletions.items() if name == _name(one)],
        ),
    }


def _transcript(
    oracle: Oracle, messages: list[Event], deletions: list[Event]
) -> list[tuple[str, str, list[str]]]:
    entries: dict[tuple[bool, str], list[Event]] = {}
    for event in sorted(messages, key=lambda one: oracle.ranks[one.number]):
        versions = entries.setdefault((event.kind is Kind.SENT, event.message_id), [])
        if body_of(event) not in [body_of(one) for one in versions]:
            versions.append(event)
    in_order = sorted(
        entries.items(),
        key=lambda entry: (_shown_at(entry[1][0]), oracle.ranks[entry[1][0].number]),
    )
    return [
        (
            "sent" if sent else "received",
            name,
            [DELETED]
            if any(is_deleted_by(deletion, versions[0]) for deletion in deletions)
            else [str(body_of(one)) for one in versions],
        )
        for (sent, name), versions in in_order
    ]


def body_of(event: Event) -> tuple[str, ...]:
    """Return what makes two versions of a message different."""
    return (
        event.correlation_id,
        event.text,
        event.created_at,
        event.name,
        event.attachment,
        event.key,
        event.value,
    )


def _shown_at(event: Event) -> datetime:
    """Return the time in the transcript: the producer's if it is plausible, else the queue's."""
    if not event.created_at:
        return event.queue_time
    stamped = datetime.fromisoformat(event.created_at)
    latest = event.queue_time + timedelta(minutes=5)
    is_plausible = datetime(2000, 1, 1, tzinfo=UTC) <= stamped <= latest
    return stamped if is_plausible else event.queue_time


def _answer_state(one: Answer) -> tuple[str, str, str, str, bool]:
    return (one.event.key, one.event.message_id, one.value, str(one.score), one.counts)


def _score_of(one: Conversation, key: str) -> int | None:
    counting = [answer for answer in one.answers if answer.event.key == key and answer.counts]
    return max(counting, key=lambda answer: answer.rank).score if counting else None
