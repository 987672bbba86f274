"""What a transcript shows between the messages: survey answers and the closing."""

from typing import Any

from apps.common.console_access import readable
from apps.conversations.models import CSAT_KEY, NPS_KEY, Conversation, Resolution
from apps.messages.chat.rows import TimelineEntry

SURVEYS = {CSAT_KEY: "CSAT", NPS_KEY: "NPS"}
MAX_ANSWERS = 500


def timeline_of(conversation: Conversation) -> list[TimelineEntry]:
    """Return the newest answers of a conversation, and its closing."""
    answers = [
        TimelineEntry(at=answer.answered_at, text=_answer(answer))
        for answer in conversation.survey_answers.order_by("-answered_at")[:MAX_ANSWERS]
    ]
    if conversation.ended_at is None:
        return answers
    resolution = Resolution(conversation.resolution)
    return [*answers, TimelineEntry(at=conversation.ended_at, text=f"Closed: {resolution.label}")]


def _answer(answer: Any) -> str:
    """Return a survey answer in words."""
    survey = SURVEYS.get(answer.key, readable(answer.key))
    remark = ""
    if answer.is_replaced:
        remark = " (a newer answer replaced it)"
    elif answer.problem:
        remark = f" (no score: {answer.get_problem_display()})"
    return f"{survey} answer: {readable(answer.value)}{remark}"
