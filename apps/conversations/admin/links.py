"""Links from a row to another object, for users who may view that object.

Django links every foreign key on a page that cannot be changed, also for users whom the linked
page refuses.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from django.contrib import admin
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.common.console_access import may_read_messages
from apps.conversations.admin.cells import short_id
from apps.conversations.models import Conversation
from apps.conversations.project_models import Project

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

NOTHING = "-"


class Reference(NamedTuple):
    """The object that a row refers to. Without a `text`, its short id is shown."""

    key: Any
    text: str = ""
    is_stored: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A column of a list, or a field of a page, that shows what `of` returns for a row."""

    title: "StrOrPromise"
    model: type[Model]
    of: Callable[[Any], Reference | None]

    def cell(self, user: User | AnonymousUser, *, name: str) -> Callable[[Any], SafeString | str]:
        """Return the function that Django calls for each row, for a page that this user sees."""
        may_follow = self._may_be_viewed(user)

        @admin.display(description=self.title)
        def cell(row: Any) -> SafeString | str:
            reference = self.of(row)
            if reference is None:
                return NOTHING
            return self._shown(reference, is_link=may_follow and reference.is_stored)

        cell.__name__ = name
        return cell

    def _may_be_viewed(self, user: User | AnonymousUser) -> bool:
        app, name = self.model._meta.app_label, self.model._meta.model_name
        return any(user.has_perm(f"{app}.{verb}_{name}") for verb in ("view", "change"))

    def _shown(self, reference: Reference, *, is_link: bool) -> SafeString:
        shown = format_html("<bdi>{}</bdi>", reference.text) if reference.text else None
        if not is_link:
            return shown or short_id(reference.key)
        app, name = self.model._meta.app_label, self.model._meta.model_name
        url = reverse(f"admin:{app}_{name}_change", args=[reference.key])
        if shown:
            return format_html('<a href="{}">{}</a>', url, shown)
        return format_html('{} <a href="{}">{}</a>', short_id(reference.key), url, gettext("view"))


PROJECT = Link(
    title=_("project"),
    model=Project,
    of=lambda row: Reference(row.project_id, row.project.name),
)
CONVERSATION = Link(
    title=_("conversation"),
    model=Conversation,
    of=lambda row: Reference(row.conversation_id) if row.conversation_id else None,
)


class LinkingAdmin(admin.ModelAdmin):
    """A ModelAdmin whose columns and fields in `links` are links for users who may follow them.

    Only users who may read messages see the fields in `for_readers`.
    """

    links: ClassVar[Mapping[str, Link]] = {}
    for_readers: Sequence[str] = ()

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Return the columns, with the links for this user."""
        return [self._for_user(name, request) for name in super().get_list_display(request)]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Return the fields for this user. A form that can be changed has no links."""
        fieldsets = super().get_fieldsets(request, obj)
        if self.has_change_permission(request, obj):
            return list(fieldsets)
        is_hidden = set() if may_read_messages(request.user) else set(self.for_readers)
        shown = []
        for title, options in fieldsets:
            names = [name for name in options["fields"] if name not in is_hidden]
            fields = [self._for_user(name, request) for name in names]
            if fields:
                shown.append((title, {**options, "fields": fields}))
        return shown

    def _for_user(self, name: Any, request: HttpRequest) -> Any:
        link = self.links.get(name)
        return link.cell(request.user, name=name) if link else name
