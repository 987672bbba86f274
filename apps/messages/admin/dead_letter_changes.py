"""The actions in the list of dead letters: redrive, export and discard."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Count, Max, Min, QuerySet
from django.http import (
    HttpRequest,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from apps.common.clock import now
from apps.common.console_access import may_read_messages
from apps.conversations.admin.base import actor
from apps.messages import dead_letter_actions, dead_letters
from apps.messages.admin import redrive_progress
from apps.messages.dead_letter_reasons import sentence_of
from apps.messages.models import DeadLetter

MAX_CHANGED_AT_ONCE = 100
MAX_EXPORTED_AT_ONCE = 1_000


class DeadLetterChanges:
    """The actions of the ModelAdmin of dead letters."""

    message_user: Callable[..., Any]
    admin_site: admin.AdminSite

    def has_redrive_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may change dead letters, which a redrive requires."""
        return request.user.has_perm("conversation_messages.change_deadletter")

    def has_discard_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may delete dead letters."""
        return request.user.has_perm("conversation_messages.delete_deadletter")

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may read messages, which dead letters contain."""
        return may_read_messages(request.user)

    @admin.action(description=_("Redrive selected dead letters"), permissions=["redrive"])
    def redrive_selected(
        self, request: HttpRequest, selected: QuerySet[DeadLetter]
    ) -> HttpResponseBase | None:
        """Request a redrive; a worker redrives the letters, in the order of each group."""
        ids = self._ids(request, selected, limit=MAX_CHANGED_AT_ONCE)
        requested = dead_letter_actions.request_redrive(ids, actor=actor(request), now=now())
        if len(requested) < len(ids):
            skipped = len(ids) - len(requested)
            sentence = _("Skipped, because a redrive was requested or done before: %(count)d.")
            self.message_user(request, sentence % {"count": skipped}, messages.WARNING)
        return HttpResponseRedirect(redrive_progress.address(requested)) if requested else None

    @admin.action(description=_("Export selected dead letters"), permissions=["export"])
    def export_selected(
        self, request: HttpRequest, selected: QuerySet[DeadLetter]
    ) -> HttpResponseBase | None:
        """Return a file of JSON lines, as `manage.py dlq export` writes it."""
        ids = self._ids(request, selected, limit=MAX_EXPORTED_AT_ONCE)
        if not ids:
            return None
        dead_letter_actions.record_export(len(ids), actor=actor(request))
        response = StreamingHttpResponse(
            dead_letters.json_lines(ids), content_type="application/x-ndjson"
        )
        name = f"dead-letters-{now():%Y%m%dT%H%M%SZ}.jsonl"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    @admin.action(description=_("Discard selected dead letters"), permissions=["discard"])
    def discard_selected(
        self, request: HttpRequest, selected: QuerySet[DeadLetter]
    ) -> HttpResponseBase | None:
        """Show what would be deleted; delete it when the user has confirmed that."""
        ids = self._ids(request, selected, limit=MAX_CHANGED_AT_ONCE)
        discardable = DeadLetter.objects.filter(pk__in=ids, redrive_requested_at=None)
        if ids and not request.POST.get("confirmed"):
            return self._confirmation(request, discardable, chosen=len(ids))
        if ids:
            discarded = dead_letter_actions.discard(
                list(discardable.values_list("pk", flat=True)), actor=actor(request)
            )
            sentence = _("Dead letters discarded: %(count)d.")
            self.message_user(request, sentence % {"count": discarded}, messages.SUCCESS)
        return None

    def _ids(
        self, request: HttpRequest, selected: QuerySet[DeadLetter], *, limit: int
    ) -> list[int]:
        """Return the ids in order, or none, after a message, if there are too many."""
        ordered = selected.order_by(*dead_letters.BY_TIME)
        ids = list(ordered.values_list("pk", flat=True)[: limit + 1])
        if len(ids) <= limit:
            return ids
        sentence = _("Nothing was done: select at most %(max)d dead letters.")
        self.message_user(request, sentence % {"max": limit}, messages.ERROR)
        return []

    def _confirmation(
        self, request: HttpRequest, letters: QuerySet[DeadLetter], *, chosen: int
    ) -> HttpResponseBase:
        ids = list(letters.values_list("pk", flat=True))
        by_reason = letters.values_list("reason").annotate(number=Count("pk")).order_by("reason")
        context = {
            **self.admin_site.each_context(request),
            "title": _("Discard dead letters?"),
            "opts": DeadLetter._meta,
            "ids": ids,
            "kept": chosen - len(ids),
            "by_reason": [(sentence_of(reason), number) for reason, number in by_reason],
            "times": letters.aggregate(first=Min("queue_time"), last=Max("queue_time")),
            "redriven": letters.exclude(redriven_at=None).count(),
            "checkbox": ACTION_CHECKBOX_NAME,
            "may_export": self.has_export_permission(request),
        }
        return TemplateResponse(request, "console/discard.html", context)
