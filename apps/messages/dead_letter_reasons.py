"""The reasons of dead letters as sentences for operators."""

from django.utils.translation import gettext_lazy as _

from apps.messages.dead_letter_format import REASON_MISSING, REASON_MOVED_BY_SQS

SENTENCES = {
    "not_json": _("The body is not JSON."),
    "not_an_object": _("The body is JSON, but not an object."),
    "unknown_event_type": _("The event has no type, or an unknown one."),
    "missing_field": _("A required field is missing."),
    "no_channel_uuid": _("The event names no channel."),
    "malformed_field": _("A field is malformed."),
    "not_allowed": _("The body is a Celery message that is not allowed here."),
    "bug": _("Five runs failed with an unexpected error."),
    "lost": _("The process died, or took too long, in five runs."),
    "time_limit": _("Nine runs in a row hit the time limit of a statement."),
    "unavailable": _("A dependency was down until the event was about to expire."),
    "revoked": _("An operator revoked the event's task."),
    REASON_MOVED_BY_SQS: _("SQS moved the event after too many receives, without a worker."),
    REASON_MISSING: _("The message on the dead-letter queue has no reason."),
}

# The reasons that workers write on dead letters.
OF_WORKERS = tuple(SENTENCES.keys() - {REASON_MOVED_BY_SQS, REASON_MISSING})


def sentence_of(reason: str) -> str:
    """Return the sentence of a reason, or the reason itself if it is of another release."""
    return str(SENTENCES.get(reason, reason))
