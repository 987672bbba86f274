"""Conversations in the admin site.

They are read-only: every change of a conversation goes through its group on the queue.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.conversations import search
from apps.conversations.admin.actions import ConversationActions
from apps.conversations.admin.base import ReadOnlyAdmin
from apps.conversations.admin.cells import age, short_id, written
from apps.conversations.admin.filters import ProjectFilter, period
from apps.conversations.admin.links import NOTHING, PROJECT, Link
from apps.conversations.admin.states import ConversationStateFilter
from apps.conversations.models import Conversation, Resolution

# To apply a filter other than the project, PostgreSQL reads all closings of the period.
MAX_DAYS_OF_CLOSINGS = 31

ClosedIn = period("ended_at", title=_("closing"), max_days=MAX_DAYS_OF_CLOSINGS)


class ConversationAdmin(ConversationActions, ReadOnlyAdmin):
    """Conversations, newest opening first. With a filter by closing: newest closing first.

    `apps.messages.admin` registers it, with what it adds about messages.
    """

    list_display = (
        "short_uuid",
        "contact",
        "state",
        "project",
        "opened",
        "closing",
        "requested",
        "csat",
        "nps",
        "archived_messages",
        "archived",
    )
    list_display_links = ("contact",)
    list_filter = (
        ConversationStateFilter,
        ProjectFilter,
        period("opened_at", title=_("opening")),
        ClosedIn,
    )
    list_select_related = ("project",)
    list_help = _(
        "A worker closes and reopens conversations within a minute of the request. The list counts "
        "archived messages; the page of a conversation also counts those in DynamoDB."
    )
    search_fields = ("uuid",)
    search_help_text = _(
        "A conversation's UUID or external ID, or the beginning of a contact's URN."
    )
    actions = ("close_selected", "close_as_resolved", "close_as_unresolved", "reopen_selected")
    links: ClassVar[Mapping[str, Link]] = {"project": PROJECT}
    fieldsets: ClassVar[Any] = (
        (
            None,
            {
                "fields": (
                    "uuid",
                    "project",
                    "contact",
                    "contact_urn",
                    "channel_uuid",
                    "group_id",
                    "resolution",
                    "requested",
                    "has_chats_room",
                    "csat",
                    "nps",
                )
            },
        ),
        (
            _("Times"),
            {
                "fields": (
                    "started_at",
                    "opened_at",
                    "closes_at",
                    "closes_locally",
                    "postponed_from",
                    "due_at",
                    "close_requested_at",
                    "ended_at",
                    "ended_locally",
                )
            },
        ),
        (
            _("Newest window"),
            {
                "fields": (
                    "external_id",
                    "window_start",
                    "window_end",
                    "ticket_uuid",
                    "agent_uuid",
                )
            },
        ),
        (
            _("Places on the queue"),
            {
                "fields": (
                    "written_at",
                    "written_sequence",
                    "written_group",
                    "window_at",
                    "window_sequence",
                    "window_group",
                    "newest_at",
                    "newest_sequence",
                ),
                "classes": ("collapse",),
            },
        ),
    )

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Return the order, which is that of the index for the requested period or state."""
        if any(request.GET.get(name) for name in ClosedIn.parameters):
            return ("-ended_at",)
        is_overdue = request.GET.get(ConversationStateFilter.parameter_name) == "overdue"
        return ("due_at",) if is_overdue else ("-opened_at",)

    def get_search_results(
        self, request: HttpRequest, conversations: QuerySet[Conversation], term: str
    ) -> tuple[QuerySet[Conversation], bool]:
        """Return the conversations that match. Show a warning if there are too many."""
        if not term.strip():
            return conversations, False
        try:
            return search.search(conversations, term.strip()), False
        except search.TooMany as problem:
            self.message_user(request, str(problem), messages.WARNING)
            return conversations.none(), False

    @admin.display(description=_("ID"))
    def short_uuid(self, conversation: Conversation) -> str:
        """Return the short uuid."""
        return short_id(conversation.uuid)

    @admin.display(description=_("contact"))
    def contact(self, conversation: Conversation) -> str:
        """Return the name of the contact."""
        return written(conversation.contact_name, otherwise=gettext("unnamed"))

    @admin.display(description=_("state"))
    def state(self, conversation: Conversation) -> str:
        """Return whether the conversation is in progress, or how it was closed."""
        return str(Resolution(conversation.resolution).label)

    @admin.display(description=_("opened"))
    def opened(self, conversation: Conversation) -> str:
        """Return the age of the event that opened the conversation."""
        return age(conversation.opened_at)

    @admin.display(description=_("closing"))
    def closing(self, conversation: Conversation) -> str | None:
        """Return when the conversation closes or, if it is closed, when it ended."""
        if conversation.resolution == Resolution.IN_PROGRESS:
            return age(conversation.closes_at)
        return age(conversation.ended_at) if conversation.ended_at else None

    @admin.display(description=_("requested"))
    def requested(self, conversation: Conversation) -> str:
        """Return the requested change that is not yet executed."""
        match conversation.requested_resolution:
            case None:
                return NOTHING
            case Resolution.IN_PROGRESS:
                return gettext("to be reopened")
            case resolution:
                label = Resolution(resolution).label.lower()
                return gettext("to be closed as %(resolution)s") % {"resolution": label}

    @admin.display(description=_("messages"))
    def archived_messages(self, conversation: Conversation) -> str | int | None:
        """Return how many messages are archived, or None if more of them may be in DynamoDB."""
        if conversation.archived_at:
            return conversation.message_count
        if not conversation.message_count:
            return None
        return gettext("%(count)d so far") % {"count": conversation.message_count}

    @admin.display(description=_("archived"))
    def archived(self, conversation: Conversation) -> str | None:
        """Return when the conversation was archived."""
        return age(conversation.archived_at) if conversation.archived_at else None

    @admin.display(description=_("closes at, in the project's time zone"))
    def closes_locally(self, conversation: Conversation) -> str:
        """Return the closing time in the project's time zone."""
        return _local(conversation, conversation.closes_at)

    @admin.display(description=_("ended at, in the project's time zone"))
    def ended_locally(self, conversation: Conversation) -> str:
        """Return the end in the project's time zone."""
        return _local(conversation, conversation.ended_at) if conversation.ended_at else NOTHING


def _local(conversation: Conversation, at: datetime) -> str:
    zone = conversation.project.timezone
    local = at.astimezone(ZoneInfo(zone))
    return f"{date_format(local, 'DATE_FORMAT')} {date_format(local, 'TIME_FORMAT')}, {zone}"
