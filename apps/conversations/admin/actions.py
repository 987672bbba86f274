"""What can be asked for in the list of conversations: closing and reopening.

It is written as a wish, with its entry in the audit log; beat has it carried out in the group.
"""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.common.clock import now
from apps.conversations import audit
from apps.conversations.admin.base import actor
from apps.conversations.models import AuditAction, Conversation, Resolution
from apps.conversations.operator_requests import Refused, request_close, request_reopen

# Each is locked, and each that is refused has a sentence.
MAX_AT_ONCE = 100

RequestedAction = Callable[[Conversation], None]


class RequestedActions:
    """Actions of a ModelAdmin of conversations."""

    message_user: Callable[..., Any]

    def has_close_permission(self, request: HttpRequest) -> bool:
        """Who may close: superusers, and those who are given leave to change conversations."""
        return request.user.has_perm("conversations.change_conversation")

    @admin.action(description="Close selected conversations", permissions=["close"])
    def close_selected(self, request: HttpRequest, selected: QuerySet[Conversation]) -> None:
        """Say that they are to be closed; beat has it done in their groups."""
        self._close(request, selected, Resolution.UNCLASSIFIED)

    @admin.action(description="Close selected conversations as resolved", permissions=["close"])
    def close_as_resolved(self, request: HttpRequest, selected: QuerySet[Conversation]) -> None:
        """The same, with this resolution."""
        self._close(request, selected, Resolution.RESOLVED)

    @admin.action(description="Close selected conversations as unresolved", permissions=["close"])
    def close_as_unresolved(self, request: HttpRequest, selected: QuerySet[Conversation]) -> None:
        """The same, with this resolution."""
        self._close(request, selected, Resolution.UNRESOLVED)

    @admin.action(description="Reopen selected conversations", permissions=["close"])
    def reopen_selected(self, request: HttpRequest, selected: QuerySet[Conversation]) -> None:
        """Say that they are to be in progress again."""

        def request_change(conversation: Conversation) -> None:
            request_reopen(conversation_uuid=conversation.uuid, now=now())
            _record(request, AuditAction.REOPEN, conversation)

        self._ask(request, selected, request_change, then="reopened within a minute.")

    def _close(
        self, request: HttpRequest, selected: QuerySet[Conversation], resolution: Resolution
    ) -> None:
        label = resolution.label.lower()

        def request_change(conversation: Conversation) -> None:
            request_close(conversation_uuid=conversation.uuid, resolution=resolution, now=now())
            _record(request, AuditAction.CLOSE, conversation, resolution=label)

        self._ask(request, selected, request_change, then=f"closed within a minute, as {label}.")

    def _ask(
        self,
        request: HttpRequest,
        selected: QuerySet[Conversation],
        request_change: RequestedAction,
        *,
        then: str,
    ) -> None:
        """Write the wishes, and tell how many were; each that was not has a sentence."""
        conversations = list(selected[: MAX_AT_ONCE + 1])
        if len(conversations) > MAX_AT_ONCE:
            sentence = f"Nothing was done: select at most {MAX_AT_ONCE} conversations."
            self.message_user(request, sentence, messages.ERROR)
            return
        asked = 0
        for conversation in conversations:
            try:
                with transaction.atomic():
                    request_change(conversation)
                asked += 1
            except Refused as refused:
                self.message_user(request, str(refused), messages.WARNING)
        if asked:
            are = "1 conversation is" if asked == 1 else f"{asked} conversations are"
            self.message_user(request, f"{are} {then}", messages.SUCCESS)


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
