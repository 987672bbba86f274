"""Actions in the list of conversations: request closing and reopening.

An action stores a request and its entry in the audit log. A worker executes the request in the
conversation's group.
"""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from apps.common.clock import now
from apps.conversations import audit
from apps.conversations.admin.base import actor
from apps.conversations.audit_models import AuditAction
from apps.conversations.models import Conversation, Resolution
from apps.conversations.operator_requests import Refused, request_close, request_reopen

# Every selected conversation is locked, and every refusal is shown as a message.
MAX_SELECTED = 100

RequestedAction = Callable[[Conversation], None]


class ConversationActions:
    """The actions of the ModelAdmin of conversations."""

    message_user: Callable[..., Any]

    def has_close_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may change conversations."""
        return request.user.has_perm("conversations.change_conversation")

    @admin.action(description=_("Close selected conversations"), permissions=["close"])
    def close_selected(self, request: HttpRequest, selected: QuerySet[Conversation]) -> None:
        """Request that the selected conversations be closed as unclassified."""
        self._close(request, selected, Resolution.UNCLASSIFIED)

    @admin.action(description=_("Close selected conversations as resolved"), permissions=["close"])
    def close_as_resolved(self, request: HttpRequest, selected: QuerySet[Conversation]) -> None:
        """Request that the selected conversations be closed as resolved."""
        self._close(request, selected, Resolution.RESOLVED)

    @admin.action(
        description=_("Close selected conversations as unresolved"), permissions=["close"]
    )
    def close_as_unresolved(self, request: HttpRequest, selected: QuerySet[Conversation]) -> None:
        """Request that the selected conversations be closed as unresolved."""
        self._close(request, selected, Resolution.UNRESOLVED)

    @admin.action(description=_("Reopen selected conversations"), permissions=["close"])
    def reopen_selected(self, request: HttpRequest, selected: QuerySet[Conversation]) -> None:
        """Request that the selected conversations be reopened."""

        def request_change(conversation: Conversation) -> None:
            request_reopen(conversation_uuid=conversation.uuid, now=now())
            _record(request, AuditAction.REOPEN, conversation)

        requested = self._request_each(request, selected, request_change)
        sentence = ngettext(
            "%(count)d conversation will be reopened within a minute.",
            "%(count)d conversations will be reopened within a minute.",
            requested,
        )
        self._report(request, sentence, requested)

    def _close(
        self, request: HttpRequest, selected: QuerySet[Conversation], resolution: Resolution
    ) -> None:
        def request_change(conversation: Conversation) -> None:
            request_close(conversation_uuid=conversation.uuid, resolution=resolution, now=now())
            # The log is in English, in whatever language the user reads pages.
            name = resolution.name.lower()
            _record(request, AuditAction.CLOSE, conversation, resolution=name)

        requested = self._request_each(request, selected, request_change)
        sentence = ngettext(
            "%(count)d conversation will be closed as %(resolution)s within a minute.",
            "%(count)d conversations will be closed as %(resolution)s within a minute.",
            requested,
        )
        self._report(request, sentence, requested, resolution=resolution.label.lower())

    def _request_each(
        self,
        request: HttpRequest,
        selected: QuerySet[Conversation],
        request_change: RequestedAction,
    ) -> int:
        """Request a change of each conversation, and show each refusal.

        Return the number of requests: 0, after a message, if too many conversations are selected.
        """
        conversations = list(selected[: MAX_SELECTED + 1])
        if len(conversations) > MAX_SELECTED:
            sentence = _("Nothing was done: select at most %(max)d conversations.")
            self.message_user(request, sentence % {"max": MAX_SELECTED}, messages.ERROR)
            return 0
        requested = 0
        for conversation in conversations:
            try:
                with transaction.atomic():
                    request_change(conversation)
                requested += 1
            except Refused as refused:
                self.message_user(request, str(refused), messages.WARNING)
        return requested

    def _report(
        self, request: HttpRequest, sentence: str, requested: int, **details: object
    ) -> None:
        if requested:
            shown = sentence % {"count": requested, **details}
            self.message_user(request, shown, messages.SUCCESS)


def _record(
    request: HttpRequest, action: AuditAction, conversation: Conversation, **detail: str
) -> None:
    audit.record(
        actor=actor(request),
        action=action,
        of=Conversation,
        object_id=conversation.pk,
        **detail,
    )
