"""The transcript of a conversation, a page of the console."""

from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from apps.conversations.console import MAY_READ_MESSAGES, console_view, log_access, readable
from apps.conversations.models import Conversation, Resolution
from apps.errors import Unavailable
from apps.messages.chat import SURVEYS, Happening, chat
from apps.messages.transcript import transcript

PAGE_LENGTH = 500


def urls(site: admin.AdminSite) -> list[URLPattern]:
    """The address of the page, below those of archives in the admin site."""
    return [
        path(
            "transcript/<uuid:conversation_uuid>/",
            console_view(show_transcript, site=site, permissions=MAY_READ_MESSAGES),
            name="conversation_messages_transcript",
        )
    ]


def show_transcript(request: HttpRequest, *, conversation_uuid: UUID) -> HttpResponse:
    """All that was written in a conversation, as a chat; 503 while DynamoDB does not answer."""
    conversation = get_object_or_404(
        Conversation.objects.select_related("project"), uuid=conversation_uuid
    )
    log_access(request, page="transcript", conversation_id=conversation_uuid)
    context = {
        **admin.site.each_context(request),
        "is_nav_sidebar_enabled": False,
        "title": f"Conversation with {_name(conversation)}",
        "conversation": conversation,
        "zone": conversation.project.timezone,
        "name": _name(conversation),
    }
    try:
        documents = transcript(conversation_uuid)
    except Unavailable:
        return TemplateResponse(request, "console/unavailable.html", context, status=503)
    return TemplateResponse(
        request, "console/transcript.html", {**context, **_chat(request, conversation, documents)}
    )


def _chat(
    request: HttpRequest, conversation: Conversation, documents: list[dict[str, Any]]
) -> dict[str, Any]:
    items = chat(
        documents,
        happenings=_happenings(conversation),
        contact_name=readable(conversation.contact_name),
        zone=ZoneInfo(conversation.project.timezone),
    )
    page = Paginator(items, PAGE_LENGTH).get_page(request.GET.get("page"))
    return {"page": page, "count": len(documents)}


def _happenings(conversation: Conversation) -> list[Happening]:
    answers = [
        Happening(at=answer.answered_at, text=_answer(answer.key, answer.value, answer.is_replaced))
        for answer in conversation.survey_answers.all()
    ]
    if conversation.ended_at is None:
        return answers
    resolution = Resolution(conversation.resolution)
    return [*answers, Happening(at=conversation.ended_at, text=f"Closed: {resolution.label}")]


def _answer(key: str, value: str, is_replaced: bool) -> str:
    replaced = " (a newer answer replaced it)" if is_replaced else ""
    return f"{SURVEYS.get(key, readable(key))} answer: {readable(value)}{replaced}"


def _name(conversation: Conversation) -> str:
    return readable(conversation.contact_name) or "unnamed contact"
