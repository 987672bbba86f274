"""The reasons of dead letters as sentences for operators."""

from apps.messages.dead_letter_format import REASON_MISSING, REASON_MOVED_BY_SQS

SENTENCES = {
    "not_json": "The body is not JSON.",
    "not_an_object": "The body is JSON, but not an object.",
    "unknown_event_type": "The event has no type, or an unknown one.",
    "missing_field": "A required field is missing.",
    "no_channel_uuid": "The event names no channel.",
    "malformed_field": "A field is malformed.",
    "not_allowed": "The body is a Celery message that is not allowed here.",
    "bug": "Five runs failed with an unexpected error.",
    "lost": "The process died, or took too long, in five runs.",
    "time_limit": "Nine runs in a row hit the time limit of a statement.",
    "unavailable": "A dependency was down until the event was about to expire.",
    "revoked": "An operator revoked the event's task.",
    REASON_MOVED_BY_SQS: "SQS moved the event after too many receives, without a worker.",
    REASON_MISSING: "The message on the dead-letter queue has no reason.",
}


def sentence_of(reason: str) -> str:
    """Return the sentence of a reason, or the reason itself if it is of another release."""
    return SENTENCES.get(reason, reason)
