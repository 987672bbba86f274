"""The address of every page of the site that an address alone leads to."""

from collections.abc import Iterable, Iterator

from django.contrib import admin
from django.contrib.auth.models import User
from django.test import RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver, resolve, reverse

from apps.conversations.models import Conversation, EarlierClosing
from apps.messages.admin import redrive_progress
from apps.messages.models import DeadLetter

MONTH = "first=2026-10-25&last=2026-11-23"
# Views that return no page, or that redirect to another one.
NO_PAGES = {
    "admin:analytics_console_csv",
    "admin:analytics_console_projects_csv",
    "admin:autocomplete",
    "admin:jsi18n",
    "admin:view_on_site",
    "set_language",
}
# The page after logging out, and the one after changing the own password, follow a form.
AFTER_A_FORM = {"admin:logout", "admin:login"}


def addresses() -> list[str]:
    """Return the address of every page, of those of objects for one object of each kind.

    Lists are also searched without success. Forms are also opened as pop-ups.
    """
    console = reverse("admin:analytics_console")
    projects = reverse("admin:analytics_console_projects")
    drilldown = reverse("admin:analytics_console_drilldown")
    conversation = Conversation.objects.latest("opened_at")
    reopened = EarlierClosing.objects.get().conversation_id
    return [
        reverse("admin:index"),
        reverse("status"),
        *_of_models(),
        *(reverse("admin:app_list", args=[app]) for app in _apps()),
        *(reverse(f"admin:password_change{step}") for step in ("", "_done")),
        reverse("admin:auth_user_password_change", args=[User.objects.latest("pk").pk]),
        f"{reverse('admin:conversations_conversation_changelist')}?q=telegram:nobody",
        f"{reverse('admin:auth_user_changelist')}?q=nobody",
        f"{reverse('admin:django_celery_beat_crontabschedule_add')}?_to_field=id&_popup=1",
        f"{console}?{MONTH}",
        f"{console}?first=2026-11-23&last=2026-11-23&project={conversation.project_id}",
        f"{console}?first=2026-11-23&last=2026-11-22",
        f"{console}?first=2020-01-01&last=2020-01-02",
        f"{projects}?{MONTH}",
        f"{drilldown}?{MONTH}&of=opened",
        reverse("admin:conversation_messages_transcript", args=[conversation.pk]),
        reverse("admin:conversation_messages_transcript", args=[reopened]),
        redrive_progress.address([letter.pk for letter in DeadLetter.objects.all()]),
    ]


def views_without_a_page(opened: Iterable[str]) -> set[str]:
    """Return the names of the views that none of these addresses leads to."""
    found = {resolve(address.partition("?")[0]).view_name for address in opened}
    missing = set(_names(get_resolver().url_patterns)) - found - NO_PAGES - AFTER_A_FORM
    # The history of an object is a search in the audit log. The others are refused to everybody.
    return {name for name in missing if not name.endswith(("_history", "_add", "_delete"))}


def _apps() -> set[str]:
    return {model._meta.app_label for model in admin.site._registry}


def _of_models() -> Iterator[str]:
    request = RequestFactory().get("/")
    request.user = User.objects.get(username="operator")
    for model, options in admin.site._registry.items():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        found = model._default_manager.latest("pk")
        yield reverse(f"{name}_changelist")
        yield reverse(f"{name}_change", args=[found.pk])
        if options.has_add_permission(request):
            yield reverse(f"{name}_add")
        if options.has_delete_permission(request, found):
            yield reverse(f"{name}_delete", args=[found.pk])


def _names(patterns: Iterable[URLPattern | URLResolver], prefix: str = "") -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            namespace = f"{pattern.namespace}:" if pattern.namespace else ""
            yield from _names(pattern.url_patterns, f"{prefix}{namespace}")
        elif pattern.name:
            yield f"{prefix}{pattern.name}"
