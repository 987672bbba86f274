"""Dead letters in the admin site."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from apps.common.console_access import may_read_messages, readable
from apps.conversations.admin.base import ReadOnlyAdmin, actor
from apps.conversations.admin.cells import age, short_id
from apps.conversations.admin.filters import period
from apps.conversations.admin.links import NOTHING, Link
from apps.conversations.audit_models import AuditAction
from apps.messages import dead_letter_actions
from apps.messages.admin import redrive_progress
from apps.messages.admin.dead_letter_changes import DeadLetterChanges
from apps.messages.admin.dead_letter_filters import DeadProjectFilter, ReasonFilter, RedrivenFilter
from apps.messages.admin.named_projects import NAMED_PROJECT, of_project, with_project_names
from apps.messages.dead_letter_format import place_of
from apps.messages.dead_letter_reasons import sentence_of
from apps.messages.models import DeadLetter

# A body has up to a megabyte. An export has all of it.
MAX_SHOWN_CHARACTERS = 50_000


@admin.register(DeadLetter)
class DeadLetterAdmin(DeadLetterChanges, ReadOnlyAdmin):
    """Events that did not take effect.

    Only users who may read messages see what the event contains, because people wrote it.
    """

    list_display = ("id", "short_message_id", "why", "state", "project_uuid", "queued", "receives")
    list_display_links = ("why",)
    list_filter = (
        ReasonFilter,
        DeadProjectFilter,
        RedrivenFilter,
        period("queue_time", title=_("time of the event")),
    )
    list_help = _(
        "Events that did not take effect, and why. Redriving sends them to the queue again, in the "
        "order of each conversation. A worker does it within two minutes."
    )
    search_fields = ("message_id",)
    search_help_text = _("The UUID of a project, or the message ID of a dead letter.")
    ordering = ("-queue_time", "-id")
    actions = ("redrive_selected", "export_selected", "discard_selected")
    links: ClassVar[Mapping[str, Link]] = {"project_uuid": NAMED_PROJECT}
    for_readers = ("what_failed", "attributes", "text")
    fieldsets: ClassVar[Any] = (
        (
            None,
            {
                "fields": (
                    "why",
                    "reason_code",
                    "state",
                    "project_uuid",
                    "channel_uuid",
                    "contact_urn",
                    "message_id",
                    "source_message_id",
                    "place",
                    "group_id",
                    "sequence_number",
                )
            },
        ),
        (
            _("Times"),
            {
                "fields": (
                    "queue_time",
                    "receive_count",
                    "collected_at",
                    "redrive_requested_at",
                    "redriven_at",
                    "redrive_count",
                )
            },
        ),
        (
            _("The event (reading it is logged)"),
            {"fields": ("what_failed", "attributes", "text")},
        ),
    )

    def get_urls(self) -> list[URLPattern]:
        """Return the URLs, those of own pages first: the last URL of the admin matches any path."""
        return [*redrive_progress.urls(self), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[DeadLetter]:
        """Return the dead letters with the names of projects and without their large fields."""
        letters = super().get_queryset(request).defer("body", "error", "attributes")
        return with_project_names(letters)

    def get_search_results(
        self, _request: HttpRequest, letters: QuerySet[DeadLetter], term: str
    ) -> tuple[QuerySet[DeadLetter], bool]:
        """Return the dead letter with this message id or, if none has it, those of the project."""
        if not term:
            return letters, False
        found = letters.filter(message_id=term)
        return (found if found.exists() else of_project(letters, term)), False

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Return the page of a letter. If it shows the event, the audit log records that first."""
        if self.has_view_permission(request) and may_read_messages(request.user):
            letter = self.get_object(request, object_id)
            if letter:
                dead_letter_actions.record(AuditAction.READ, [letter.pk], actor=actor(request))
        return super().change_view(request, object_id, form_url, extra_context)

    @admin.display(description=_("message ID"))
    def short_message_id(self, letter: DeadLetter) -> str:
        """Return the short message id of the dead letter."""
        return short_id(letter.message_id)

    @admin.display(description=_("reason"))
    def why(self, letter: DeadLetter) -> str:
        """Return the reason as a sentence."""
        return sentence_of(letter.reason)

    @admin.display(description=_("reason, as a code"))
    def reason_code(self, letter: DeadLetter) -> str:
        """Return the reason as metrics, logs and commands have it."""
        return letter.reason

    @admin.display(description=_("time of the event"))
    def queued(self, letter: DeadLetter) -> str:
        """Return how long ago the event was queued."""
        return age(letter.queue_time)

    @admin.display(description=_("receives"))
    def receives(self, letter: DeadLetter) -> int:
        """Return how often the event was received."""
        return letter.receive_count

    @admin.display(description=_("state"))
    def state(self, letter: DeadLetter) -> SafeString | str:
        """Return whether the letter waits or was redriven, or why it could not be redriven."""
        if letter.redrive_requested_at:
            return format_html(gettext("redrive requested {}"), age(letter.redrive_requested_at))
        if letter.redrive_refusal:
            sentence = gettext("waits for a decision: not redriven, %(why)s")
            return sentence % {"why": gettext(letter.redrive_refusal)}
        if letter.redriven_at:
            return format_html(gettext("redriven {}"), age(letter.redriven_at))
        return gettext("waits for a decision")

    @admin.display(description=_("place of the event"))
    def place(self, letter: DeadLetter) -> str:
        """Return the place as dead letters and exports contain it."""
        return str(place_of(letter))

    @admin.display(description=_("error"))
    def what_failed(self, letter: DeadLetter) -> SafeString | str:
        """Return the error of the worker."""
        return _preformatted(letter.error) if letter.error else NOTHING

    @admin.display(description=_("body"))
    def text(self, letter: DeadLetter) -> SafeString:
        """Return the beginning of the event's body."""
        return _preformatted(letter.body)


def _preformatted(stored: str) -> SafeString:
    text = readable(stored)
    shown = text[:MAX_SHOWN_CHARACTERS]
    rest = len(text) - len(shown)
    sentence = ngettext(
        "(%(count)d more character: export the letter to read it)",
        "(%(count)d more characters: export the letter to read them)",
        rest,
    )
    note = f"\n{sentence % {'count': rest}}" if rest else ""
    return format_html('<pre class="event-text" dir="ltr">{}{}</pre>', shown, note)
