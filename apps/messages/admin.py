"""Archives, transcripts and dead letters in the admin site."""

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, reverse
from django.utils.html import format_html

from apps.common.clock import now
from apps.common.console_access import MAY_READ_MESSAGES, is_open_to
from apps.conversations import audit
from apps.conversations.admin.base import ReadOnlyAdmin, actor
from apps.conversations.admin.filters import period
from apps.conversations.models import AuditAction
from apps.conversations.project_settings import parse_uuid
from apps.conversations.search import by_uuid
from apps.messages import admin_views, dead_letters
from apps.messages.dead_letter_format import place_of
from apps.messages.models import ConversationMessages, DeadLetter, ProducerProblem
from apps.messages.producer_problems import Problem, describe

# Each project costs one index lookup. The search finds the projects beyond this limit.
MAX_PROJECTS = 50
MAX_REDRIVEN_AT_ONCE = 100


@admin.register(ConversationMessages)
class ConversationMessagesAdmin(ReadOnlyAdmin):
    """The parts of all archives, without their messages; the transcript page shows those."""

    list_display = (
        "conversation",
        "part",
        "message_count",
        "size",
        "first_message_at",
        "last_message_at",
    )
    list_display_links = ("conversation", "part")
    list_select_related = ("conversation",)
    list_help = "To read the messages, open the transcript of the conversation. Times are UTC."
    search_fields = ("conversation",)
    search_help_text = "The UUID of a conversation."
    ordering = ("-id",)
    exclude = ("messages", "message_ids", "merged_places")
    readonly_fields = ("transcript",)

    def get_urls(self) -> list[URLPattern]:
        """Return the URLs, the transcript's first: the last URL of the admin matches any path."""
        return [*admin_views.urls(self.admin_site), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ConversationMessages]:
        """Return the parts without their messages, which are large."""
        return super().get_queryset(request).defer("messages", "message_ids", "merged_places")

    def get_search_results(
        self, _request: HttpRequest, parts: QuerySet[ConversationMessages], term: str
    ) -> tuple[QuerySet[ConversationMessages], bool]:
        """Return the parts of the conversation with this UUID."""
        return by_uuid(parts, term, field="conversation_id"), False

    @admin.display(description="messages")
    def transcript(self, part: ConversationMessages) -> str:
        """Return a link to the transcript."""
        url = reverse("admin:conversation_messages_transcript", args=[part.conversation_id])
        return format_html('<a href="{}">Transcript</a> (reading it is logged)', url)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Return the fields; the link to the transcript only for users who may read messages."""
        fields = [str(name) for name in super().get_fields(request, obj)]
        may_read = is_open_to(request.user, permissions=MAY_READ_MESSAGES)
        return [name for name in fields if name != "transcript" or may_read]


class ReasonFilter(admin.SimpleListFilter):
    """Filter by reason."""

    title = "reason"
    parameter_name = "reason"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, str]]:
        """Return the reasons that the table has."""
        return [(reason, reason) for reason in dead_letters.reasons()]

    def queryset(self, _request: HttpRequest, letters: QuerySet) -> QuerySet:
        """Return the dead letters that have the chosen reason."""
        return letters.filter(reason=self.value()) if self.value() else letters


class RedrivenFilter(admin.SimpleListFilter):
    """Filter by whether dead letters were redriven."""

    title = "state"
    parameter_name = "state"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, str]]:
        """Return the states."""
        return [
            ("dead", "Not redriven"),
            ("wanted", "Redrive requested"),
            ("redriven", "Redriven"),
        ]

    def queryset(self, _request: HttpRequest, letters: QuerySet) -> QuerySet:
        """Return the dead letters in the chosen state."""
        match self.value():
            case None:
                return letters
            case "dead":
                return letters.filter(redriven_at=None)
            case "wanted":
                return letters.exclude(redrive_requested_at=None)
            case "redriven":
                return letters.exclude(redriven_at=None)
            case _:
                return letters.none()


class DeadProjectFilter(admin.SimpleListFilter):
    """Filter by project. It offers at most MAX_PROJECTS; the search finds the rest."""

    title = "project"
    parameter_name = "project"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, str]]:
        """Return the projects that dead letters name."""
        return [(str(uuid), str(uuid)) for uuid in dead_letters.project_uuids(limit=MAX_PROJECTS)]

    def queryset(self, _request: HttpRequest, letters: QuerySet) -> QuerySet:
        """Return the dead letters of the chosen project; none if the value is not a UUID."""
        value = self.value()
        return _of_project(letters, value) if value else letters


@admin.register(DeadLetter)
class DeadLetterAdmin(ReadOnlyAdmin):
    """Events that took no effect. Bodies are not shown: they hold what people wrote."""

    list_display = (
        "id",
        "message_id",
        "reason",
        "project_uuid",
        "queue_time",
        "receive_count",
        "redrive_requested_at",
        "redriven_at",
        "redrive_count",
    )
    list_filter = (
        ReasonFilter,
        DeadProjectFilter,
        RedrivenFilter,
        period("queue_time", title="time of the event"),
    )
    list_help = (
        "Events that took no effect, and why. Redriving sends them to the queue again, in the "
        "order of each conversation. A worker does it within two minutes. Times are UTC."
    )
    search_fields = ("message_id",)
    search_help_text = "The UUID of a project, or the message id of a dead letter."
    ordering = ("-queue_time", "-id")
    exclude = ("body",)
    readonly_fields = ("place",)
    actions = ("redrive_selected",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[DeadLetter]:
        """Return the dead letters without their bodies, which are large."""
        return super().get_queryset(request).defer("body")

    @admin.display(description="place of the event")
    def place(self, letter: DeadLetter) -> str:
        """Return the place as dead letters and exports contain it."""
        return str(place_of(letter))

    def get_search_results(
        self, _request: HttpRequest, letters: QuerySet[DeadLetter], term: str
    ) -> tuple[QuerySet[DeadLetter], bool]:
        """Return the dead letter with this message id or, if none has it, those of the project."""
        if not term:
            return letters, False
        found = letters.filter(message_id=term)
        return (found if found.exists() else _of_project(letters, term)), False

    def has_redrive_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may change dead letters, which a redrive requires."""
        return request.user.has_perm("conversation_messages.change_deadletter")

    @admin.action(description="Redrive selected dead letters", permissions=["redrive"])
    def redrive_selected(self, request: HttpRequest, selected: QuerySet[DeadLetter]) -> None:
        """Request a redrive; a worker redrives the letters, in the order of each group."""
        ids = list(selected.values_list("pk", flat=True)[: MAX_REDRIVEN_AT_ONCE + 1])
        if len(ids) > MAX_REDRIVEN_AT_ONCE:
            sentence = f"Nothing was done: select at most {MAX_REDRIVEN_AT_ONCE} dead letters."
            self.message_user(request, sentence, messages.ERROR)
            return
        with transaction.atomic():
            requested = dead_letters.request_redrive(ids=ids, now=now())
            audit.record_all(
                actor=actor(request),
                action=AuditAction.REDRIVE,
                of=DeadLetter,
                details=audit.without_details(letter.pk for letter in requested),
            )
        if requested:
            sentence = f"Dead letters to be redriven within two minutes: {len(requested)}."
            self.message_user(request, sentence, messages.SUCCESS)
        if len(requested) < len(ids):
            skipped = len(ids) - len(requested)
            sentence = f"Skipped, because a redrive was requested or done before: {skipped}."
            self.message_user(request, sentence, messages.WARNING)


class ProblemFilter(admin.SimpleListFilter):
    """Filter by problem."""

    title = "problem"
    parameter_name = "problem"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, str]]:
        """Return all problems."""
        return [(one.value, str(one.label).capitalize()) for one in Problem]

    def queryset(self, _request: HttpRequest, counts: QuerySet) -> QuerySet:
        """Return the counts of the chosen problem."""
        return counts.filter(problem=self.value()) if self.value() else counts


@admin.register(ProducerProblem)
class ProducerProblemAdmin(ReadOnlyAdmin):
    """What producers do wrong, by project and day."""

    list_display = ("day", "project_uuid", "producer", "events")
    list_filter = (ProblemFilter, period("day", title="day"))
    list_help = (
        "What producers do wrong, with the number of events that were queued on a day in UTC. The "
        "nil UUID stands for events that name no project. An event that ran twice counts twice."
    )
    search_fields = ("project_uuid",)
    search_help_text = "The UUID of a project."
    ordering = ("-day",)

    @admin.display(description="the producer")
    def producer(self, one: ProducerProblem) -> str:
        """Return what the producer does."""
        return describe(one.problem, one.detail)

    def get_search_results(
        self, _request: HttpRequest, counts: QuerySet[ProducerProblem], term: str
    ) -> tuple[QuerySet[ProducerProblem], bool]:
        """Return the counts of the project with this UUID."""
        return (_of_project(counts, term) if term else counts), False


def _of_project(rows: QuerySet, text: str) -> QuerySet:
    try:
        return rows.filter(project_uuid=parse_uuid(text))
    except ValueError:
        return rows.none()
