"""The field with the link to a transcript."""

from uuid import UUID

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _


def transcript_link(conversation_uuid: UUID) -> SafeString:
    """Return a link to the transcript of a conversation."""
    url = reverse("admin:conversation_messages_transcript", args=[conversation_uuid])
    return format_html(_('<a href="{}">Transcript</a> (reading it is logged)'), url)
