"""The lists of the admin site behind the lines of the status."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.contrib.auth.models import AnonymousUser, User
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

CONVERSATIONS = "conversations_conversation"
DEAD_LETTERS = "conversation_messages_deadletter"
OUTBOX = "analytics_outboxevent"


@dataclass(frozen=True, kw_only=True)
class AdminList:
    """A list of a model (`app_model`) with filters, and the words of the link to it."""

    model: str
    words: "StrOrPromise"
    filters: Mapping[str, str] = field(default_factory=dict)

    def url_for(self, user: User | AnonymousUser) -> str:
        """Return the address, or "" if this user may not see the list."""
        app, _, model = self.model.rpartition("_")
        if not user.has_perm(f"{app}.view_{model}"):
            return ""
        address = reverse(f"admin:{self.model}_changelist")
        return f"{address}?{urlencode(self.filters)}" if self.filters else address


# By the name of the line.
LISTS = {
    "dead_letters": AdminList(
        model=DEAD_LETTERS, words=_("Dead letters"), filters={"state": "waiting"}
    ),
    "closings": AdminList(
        model=CONVERSATIONS, words=_("Overdue conversations"), filters={"state": "overdue"}
    ),
    "archives": AdminList(
        model=CONVERSATIONS, words=_("Not archived"), filters={"state": "unarchived"}
    ),
    "erasures": AdminList(
        model="conversations_erasure", words=_("Erasures"), filters={"state": "waiting"}
    ),
    "outbox": AdminList(model=OUTBOX, words=_("Waiting events"), filters={"state": "waiting"}),
    "data_lake": AdminList(model=OUTBOX, words=_("Refused events"), filters={"state": "refused"}),
    "beat": AdminList(model="django_celery_beat_periodictask", words=_("Schedules")),
}


def letters_of(reason: str) -> AdminList:
    """Return the list of the waiting dead letters with this reason."""
    return AdminList(
        model=DEAD_LETTERS, words=reason, filters={"state": "waiting", "reason": reason}
    )
