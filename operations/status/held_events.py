"""The events that wait for a rerun, of all workers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _

from operations.status.reading import Unanswered

MAX_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """How many events wait for a rerun, and those that have failed for the longest time."""

    total: int
    events: Sequence[Mapping[str, Any]]


def held_of(answers: Mapping[str, Any] | Unanswered, *, now: datetime) -> Held | Unanswered:
    """Return the held events in the workers' answers to the command "held"."""
    if isinstance(answers, Unanswered):
        return answers
    refusing = sorted(worker for worker, answer in answers.items() if "error" in answer)
    if refusing:
        sentence = _("The command is refused by %(workers)s.")
        return Unanswered(sentence=sentence % {"workers": ", ".join(refusing)})
    events = sorted(_events(answers, now=now), key=lambda event: -event["held_for_seconds"])
    total = sum(report["total"] for queues in answers.values() for report in queues.values())
    return Held(total=total, events=events[:MAX_SHOWN])


def _events(answers: Mapping[str, Any], *, now: datetime) -> Iterator[dict[str, Any]]:
    for worker, queues in answers.items():
        for report in queues.values():
            for event in report["events"]:
                held_since = now - timedelta(seconds=event["held_for_seconds"])
                yield {
                    "worker": worker,
                    "group": event["labels"].get("group", ""),
                    "event_type": event["labels"].get("event_type", ""),
                    "message_id": event["message_id"],
                    "reason": event["reason"],
                    "cause": event["cause"],
                    "attempts": event["attempts"],
                    "held_since": held_since.isoformat(timespec="seconds"),
                    "held_for_seconds": event["held_for_seconds"],
                    "queued_for_seconds": event["queued_for_seconds"],
                }
