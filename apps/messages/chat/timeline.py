"""What a transcript shows between the messages: survey answers and the closing."""

from typing import Any

from django.utils.translation import gettext as _

from apps.common.console_access import readable
from apps.conversations.models import Conversation, Resolution
from apps.conversations.scores import CSAT_KEY, NPS_KEY
from apps.messages.chat.rows import TimelineEntry

SURVEYS = {CSAT_KEY: "CSAT", NPS_KEY: "NPS"}
MAX_ANSWERS = 500


def timeline_of(conversation: Conversation) -> list[TimelineEntry]:
    """Return the newest answers of a conversation, and its closing.

    Entries of the same time have the order in which they are shown. The answers of one form have
    one place on the queue, and are ordered by their keys.
    """
    newest = conversation.survey_answers.order_by("-answered_at", "sequence_number", "key")
    answers = [
        TimelineEntry(at=answer.answered_at, text=_answer(answer))
        for answer in newest[:MAX_ANSWERS]
    ]
    if conversation.ended_at is None:
        return answers
    resolution = Resolution(conversation.resolution).label.lower()
    closed = _("Closed: %(resolution)s") % {"resolution": resolution}
    return [*answers, TimelineEntry(at=conversation.ended_at, text=closed)]


def _answer(answer: Any) -> str:
    """Return a survey answer in words."""
    sentence = _("%(survey)s answer: %(value)s")
    if answer.is_replaced:
        sentence = _("%(survey)s answer: %(value)s (a newer answer replaced it)")
    elif answer.problem:
        sentence = _("%(survey)s answer: %(value)s (no score: %(problem)s)")
    return sentence % {
        "survey": SURVEYS.get(answer.key, readable(answer.key)),
        "value": readable(answer.value),
        "problem": answer.get_problem_display(),
    }
