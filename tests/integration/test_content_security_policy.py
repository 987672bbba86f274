"""Every page forbids what is not a file of this site, and works with that."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from apps.analytics.models import OutboxEvent, SurveyAnswer
from apps.conversations import audit
from apps.conversations.audit_models import AuditAction
from apps.conversations.erasure_models import Erasure
from apps.conversations.models import Conversation
from apps.messages.models import DeadLetter, ProducerProblem
from tests.support.builders import NOON, PROJECT, project
from tests.support.closings import at
from tests.support.console import HOSTILE_NAME, made_chat, made_shop
from tests.support.console_client import DRILLDOWN, FIGURES, TRANSCRIPT
from tests.support.pages import ROOT

pytestmark = pytest.mark.django_db

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
# What the policy forbids, in templates. A script with JSON is not run.
INLINE = re.compile(
    r"<script(?![^>]*\ssrc=)(?![^>]*application/json)[^>]*>|<style|\sstyle\s*=|\son[a-z]+\s*=|"
    r"javascript:",
    re.IGNORECASE,
)


class InlineParts(HTMLParser):
    """Finds the parts of a page that the policy forbids."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a script or style without a file, and an attribute with code or style."""
        attributes = {name: value or "" for name, value in attrs}
        is_data = attributes.get("type") == "application/json"
        if tag == "style" or (tag == "script" and "src" not in attributes and not is_data):
            self.found.append(f"<{tag}>")
        for name, value in attributes.items():
            if name == "style" or name.startswith("on") or value.startswith("javascript:"):
                self.found.append(f"<{tag} {name}={value}>")


@pytest.fixture(autouse=True)
def _the_console_is_on(settings: Any) -> Iterator[None]:
    settings.CONSOLE_ENABLED = True
    with at(NOON):
        yield


@pytest.fixture
def chat(aws: None) -> Conversation:
    """A conversation and a row of every other kind that the admin site shows."""
    made_shop(name=HOSTILE_NAME)
    chat = made_chat(at=NOON, name=HOSTILE_NAME)
    answer = SurveyAnswer.objects.order_by("pk")[0]
    OutboxEvent.objects.create(answer=answer, payload={}, created_at=NOON, refusal="no project")
    Erasure.objects.create(project=project(), contact_hash="0" * 64, requested_at=NOON)
    DeadLetter.objects.create(
        message_id="letter",
        group_id="group",
        sequence_number=1,
        body="{}",
        reason="bug",
        queue_time=NOON,
        receive_count=5,
        collected_at=NOON,
    )
    ProducerProblem.objects.create(
        project_uuid=PROJECT, day=NOON.date(), problem="malformed", detail="not_json", events=1
    )
    audit.record(
        actor=audit.Actor(name="ana", source="admin"),
        action=AuditAction.READ,
        of=Conversation,
        object_id=chat.pk,
    )
    Group.objects.create(name="readers")
    interval = IntervalSchedule.objects.create(every=1, period="minutes")
    CrontabSchedule.objects.create(timezone="UTC")
    PeriodicTask.objects.create(name="closing", task="tasks.closing.x", interval=interval)
    return chat


@pytest.fixture
def operator() -> Client:
    """Return the client of a superuser, which does not raise the errors of pages."""
    client = Client(headers={"x-forwarded-proto": "https"}, raise_request_exception=False)
    client.force_login(User.objects.create_superuser("operator"))
    return client


def pages_of_lists() -> Iterator[str]:
    """Yield the pages of every registered model: its list, the form, an object and deletion."""
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        stored = model._default_manager.order_by("pk").first()
        assert stored is not None, f"there is no {name}"
        yield reverse(f"{name}_changelist")
        yield reverse(f"{name}_add")
        for page in ("change", "delete", "history"):
            yield reverse(f"{name}_{page}", args=[stored.pk])


def other_pages(chat: Conversation) -> Iterator[str]:
    """Yield the pages that belong to no model, the console's and those of errors included."""
    for name in ("index", "login", "password_change", "password_change_done", "jsi18n"):
        yield reverse(f"admin:{name}")
    for label in {model._meta.app_label for model in admin.site._registry}:
        yield reverse("admin:app_list", args=[label])
    yield reverse("admin:auth_user_password_change", args=[User.objects.all()[0].pk])
    yield from (reverse(FIGURES), reverse("admin:analytics_console_projects"))
    yield f"{reverse(DRILLDOWN)}?of=closed"
    yield reverse(TRANSCRIPT, args=[chat.pk])
    yield from ("/", "/admin/nothing/", "/nothing")


def test_every_page_has_the_policy_and_no_inline_script_or_style(
    chat: Conversation, operator: Client
) -> None:
    statuses = set()
    for url in [*pages_of_lists(), *other_pages(chat)]:
        answer = operator.get(url, secure=True)
        statuses.add(answer.status_code)
        policy = dict(part.split(" ", 1) for part in answer["Content-Security-Policy"].split("; "))
        assert policy == POLICY, url
        if "html" in answer.get("Content-Type", ""):
            assert InlineParts(answer.content.decode()).found == [], url

    assert statuses == {200, 302, 403, 404}


def test_pages_without_a_login_and_files_have_the_policy() -> None:
    for url in (reverse("admin:login"), "/static/errors/errors.css", "/admin/"):
        answer = Client().get(url, secure=True)
        answer.close()
        assert answer.status_code in (200, 302)
        assert "default-src 'none'" in answer["Content-Security-Policy"], url


def test_templates_have_no_inline_script_or_style() -> None:
    # Environments and other releases are in folders whose names begin with a dot.
    templates = list(ROOT.glob("[!.]*/**/templates/**/*.html"))

    assert len(templates) > 10
    assert [path for path in templates if INLINE.search(path.read_text("utf-8"))] == []
