"""The console page that shows the transcript of a conversation."""

from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apps.common.console_access import MAY_READ_MESSAGES, console_view, log_access, readable
from apps.common.errors import Unavailable
from apps.conversations import audit
from apps.conversations.admin.base import actor
from apps.conversations.audit_models import AuditAction
from apps.conversations.models import Conversation
from apps.messages.chat import TimelineEntry, chat
from apps.messages.chat.timeline import timeline_of
from apps.messages.transcript_pages import TranscriptIndex, TranscriptPage

PAGE_LENGTH = 500


def urls(site: admin.AdminSite) -> list[URLPattern]:
    """Return the URL of the page, below the URLs of archives in the admin site."""
    return [
        path(
            "transcript/<uuid:conversation_uuid>/",
            console_view(show_transcript, site=site, permissions=MAY_READ_MESSAGES),
            name="conversation_messages_transcript",
        )
    ]


def show_transcript(request: HttpRequest, *, conversation_uuid: UUID) -> HttpResponse:
    """Show the messages of a conversation as a chat; answer 503 if DynamoDB is unavailable."""
    conversation = get_object_or_404(
        Conversation.objects.select_related("project"), uuid=conversation_uuid
    )
    log_access(request, page="transcript", conversation_id=conversation_uuid)
    # Written first, so that nobody reads a transcript that the audit log does not record.
    audit.record(
        actor=actor(request),
        action=AuditAction.READ,
        of=Conversation,
        object_id=conversation_uuid,
        page=request.GET.get("page", "1")[:10],
    )
    context = {
        **admin.site.each_context(request),
        "is_nav_sidebar_enabled": False,
        "title": _("Conversation with %(name)s") % {"name": _name(conversation)},
        "conversation": conversation,
        "zone": conversation.project.timezone,
        "name": _name(conversation),
        "window_facts": _window_facts(conversation),
    }
    try:
        chat_context = _chat(request, conversation)
    except Unavailable:
        return TemplateResponse(request, "console/unavailable.html", context, status=503)
    return TemplateResponse(request, "console/transcript.html", {**context, **chat_context})


def _chat(request: HttpRequest, conversation: Conversation) -> dict[str, Any]:
    index = TranscriptIndex(conversation)
    pages = Paginator(range(index.count), PAGE_LENGTH)
    page = pages.get_page(request.GET.get("page"))
    shown = index.page(start=(page.number - 1) * PAGE_LENGTH, length=PAGE_LENGTH)
    rows = chat(
        shown.documents,
        timeline_entries=_on_page(timeline_of(conversation), shown, is_first=page.number == 1),
        contact_name=readable(conversation.contact_name),
        zone=ZoneInfo(conversation.project.timezone),
    )
    return {"page": page, "rows": rows, "count": index.count}


def _on_page(
    timeline_entries: list[TimelineEntry], shown: TranscriptPage, *, is_first: bool
) -> list[TimelineEntry]:
    """Return the timeline entries of this page.

    An entry is on the last page that begins at or before its time.
    """
    begins = None
    if shown.documents and not is_first:
        begins = datetime.fromisoformat(shown.documents[0]["created_at"])
    ends = shown.next_at
    return [
        entry
        for entry in timeline_entries
        if (begins is None or begins <= entry.at) and (ends is None or entry.at < ends)
    ]


def _window_facts(conversation: Conversation) -> list[tuple[str, str]]:
    """Return what windows said about a conversation, as labels and texts."""
    facts = [
        (_("Human took over"), _("yes") if conversation.has_chats_room else ""),
        (_("Window"), readable(conversation.external_id)),
        (pgettext("start of a window", "from"), _local(conversation, conversation.window_start)),
        (pgettext("end of a window", "to"), _local(conversation, conversation.window_end)),
        (_("Ticket"), readable(conversation.ticket_uuid)),
        (_("Agent"), readable(conversation.agent_uuid)),
    ]
    return [(label, text) for label, text in facts if text]


def _local(conversation: Conversation, at: datetime | None) -> str:
    if at is None:
        return ""
    local = at.astimezone(ZoneInfo(conversation.project.timezone))
    return f"{date_format(local, 'DATE_FORMAT')} {date_format(local, 'TIME_FORMAT')}"


def _name(conversation: Conversation) -> str:
    return readable(conversation.contact_name) or _("unnamed contact")
