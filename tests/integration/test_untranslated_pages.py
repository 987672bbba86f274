"""No page has a text that is not marked for translation."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import translation

from apps.common.errors import Unavailable
from apps.conversations.admin import base
from apps.conversations.models import Conversation
from apps.messages import admin_views
from apps.messages.admin import redrive_progress
from apps.messages.models import DeadLetter
from observability.metrics.definitions import POSTGRESQL_GAUGES
from operations import error_pages
from operations.status import page as status_page
from operations.status.reading import SOURCES, Readings, _guarded
from tasks.schedules import SCHEDULES
from tests.support.admin import act, signed_in
from tests.support.admin_samples import made_admin_samples
from tests.support.crawler import Crawler
from tests.support.pseudo_language import LANGUAGE, untranslated, use_pseudo_language
from tests.support.status_readings import (
    ONE,
    TWO,
    healthy,
    heartbeat,
    held,
    judged,
    pending,
    queues,
    schedules,
    stats,
)

pytestmark = pytest.mark.django_db

# What the samples store.
STORED = (
    r"store\.py:118 put > KeyError|AccessDenied|OSError",
    r"\(m/h/dM/MY/d\)",
    *SCHEDULES,
    "Collect at night",
    r"\b(?:Paulista Bakery|Support|Caio|ana|bia)\b",
    r"^\W*(?:bug|lost|malformed|comment \d+|comment|custom|group|scored|word)\W*$",
    ": resolved",
    r"the lake answered 422: unknown project",
    r"too large",
)
# What Django itself does not translate.
OF_DJANGO = (r"^(?:Search|ID|True|False)$", r"User-group relationships?", r"User_groups object")
KNOWN = (*STORED, *OF_DJANGO)
DOWN = Unavailable("DynamoDB", "it does not answer")


def _fail() -> None:
    raise OSError


# Every source fails, all at once is wrong, and what is wrong with one worker at a time.
SILENT = Readings(**{one.field: _guarded(replace(one, read=_fail))() for one in SOURCES})
FULL = healthy(
    queues=queues(events=(3, 20_001), dead_letters=2),
    heartbeats=([heartbeat(TWO, age=timedelta(minutes=5))], ""),
    held=held(900.0, total=12),
    pending=pending(*((gauge, 3.0) for gauge in POSTGRESQL_GAUGES), bug=2),
    schedules=schedules(age=timedelta(hours=9)),
    migrations=["a.1", "a.2", "a.3", "a.4"],
)
TROUBLED = [
    healthy(stats={}, heartbeats=([heartbeat(ONE, age=timedelta(minutes=5))], "")),
    healthy(stats={ONE: {"consumers": {}}}, schedules=[]),
    *(
        healthy(stats=stats(**changes))
        for changes in (
            {"observed_age": 900.0},
            {"received_age": 900.0},
            {"received_age": 900.0, "wants_more": False, "held": 2, "running_tasks": 1},
            {"received_age": 900.0, "failing_calls": {"ReceiveMessage": "AccessDenied"}},
            {"circuit_is_open": True},
            {"receive_lag": 900.0},
            {"oldest_held_age": 9_000.0},
            {"set_aside": 1_000_000, "causes": [{"cause": "a.py:1", "parked": 4}]},
            {
                "failing_calls": {
                    "DeleteMessageBatch": "AccessDenied",
                    "SendMessage": "AccessDenied",
                }
            },
            {"credentials_expire_in": -5.0},
            {"credentials_expire_in": 5.0},
        )
    ),
]


@pytest.fixture
def client(aws: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Return the client of a superuser who reads the pages of samples in the pseudo-language."""
    settings.CONSOLE_ENABLED = True
    monkeypatch.setattr(base.BoundedAdmin, "list_per_page", 2)
    made_admin_samples(at=datetime.now(UTC))
    use_pseudo_language(monkeypatch)
    client = signed_in(User.objects.create_superuser("ana"), ())
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = LANGUAGE
    return client


def found_on(answer: Any) -> list[str]:
    """Return the untranslated texts of a page."""
    assert answer["Content-Language"] == LANGUAGE
    return list(untranslated(answer.content.decode(), stored=KNOWN))


def crawled(client: Client, **bounds: Any) -> dict[str, str]:
    """Return the untranslated texts of the pages that a superuser finds, with their URLs."""
    found: dict[str, str] = {}

    def read(url: str, html: str) -> None:
        found.update((text, url) for text in untranslated(html, stored=KNOWN))

    crawler = Crawler(client, read=read, **bounds)
    letters = [one.pk for one in DeadLetter.objects.all()]
    crawler.crawl(reverse("admin:index"), redrive_progress.address(letters))
    assert crawler.problems == []
    return found


def test_a_page_of_each_kind_is_translated(client: Client) -> None:
    assert crawled(client, max_alike=1, max_parameters=0) == {}


@pytest.mark.slow
def test_every_page_is_translated(client: Client) -> None:
    assert crawled(client) == {}


@pytest.mark.parametrize("name", ["login", "logout"])
def test_the_pages_of_signed_out_users_are_translated(
    client: Client, settings: Any, name: str
) -> None:
    visitor = Client(headers={"accept-language": LANGUAGE})
    if name == "logout":
        visitor.force_login(User.objects.get(username="ana"))
    send = visitor.post if name == "logout" else visitor.get

    assert found_on(send(reverse(f"admin:{name}"), secure=True)) == []


@pytest.mark.parametrize(
    "page",
    [
        lambda request: error_pages.bad_request(request, Exception()),
        lambda request: error_pages.permission_denied(request, Exception()),
        error_pages.csrf_failure,
        lambda request: error_pages.page_not_found(request, Exception()),
        error_pages.locked_out,
        error_pages.server_error,
    ],
)
def test_the_pages_of_errors_are_translated(
    page: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    use_pseudo_language(monkeypatch)
    with translation.override(LANGUAGE):
        html = page(None).content.decode()

    assert f'lang="{LANGUAGE}"' in html
    assert list(untranslated(html)) == []


def test_the_page_of_an_outage_is_translated(monkeypatch: pytest.MonkeyPatch) -> None:
    use_pseudo_language(monkeypatch)
    with translation.override(LANGUAGE):
        try:
            raise DOWN
        except Unavailable:
            answer = error_pages.server_error(None)  # type: ignore[arg-type]

    assert answer.status_code == 503
    assert list(untranslated(answer.content.decode())) == []


def test_the_page_of_a_transcript_that_cannot_be_read_is_translated(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: Any) -> Any:
        raise DOWN

    monkeypatch.setattr(admin_views, "TranscriptIndex", fail)
    conversation = Conversation.objects.latest("opened_at")
    url = reverse("admin:conversation_messages_transcript", args=[conversation.pk])

    assert found_on(client.get(url, secure=True)) == []


def test_the_confirmation_of_a_discard_is_translated(client: Client) -> None:
    letters = [str(one.pk) for one in DeadLetter.objects.all()]
    form = {"action": "discard_selected", "_selected_action": letters}
    url = reverse("admin:conversation_messages_deadletter_changelist")

    assert found_on(client.post(url, form, secure=True)) == []


@pytest.mark.parametrize(
    ("model", "action"),
    [
        ("conversations_conversation", "close_selected"),
        ("conversations_conversation", "reopen_selected"),
        ("analytics_outboxevent", "retry_selected"),
        ("django_celery_beat_periodictask", "disable_selected"),
        ("django_celery_beat_periodictask", "enable_selected"),
    ],
)
def test_the_messages_of_actions_are_translated(client: Client, model: str, action: str) -> None:
    listing = client.get(reverse(f"admin:{model}_changelist"), secure=True).context["cl"]

    messages = act(client, model, action, *listing.queryset)

    assert messages
    assert list(untranslated("<br>".join(messages), stored=KNOWN)) == []


@pytest.mark.parametrize("name", ["idle_timeout", "timezone"])
def test_the_errors_of_a_form_are_translated(client: Client, name: str) -> None:
    form = {"timezone": "UTC", "closing_time": "00:00", name: "Brazil/1s"}

    answer = client.post(reverse("admin:conversations_project_add"), form, secure=True)

    assert answer.context["errors"]
    assert found_on(answer) == []


def test_the_status_is_translated_whatever_it_says(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for readings in (healthy(), SILENT, FULL, *TROUBLED):
        monkeypatch.setattr(status_page, "current_status", partial(judged, readings))

        assert found_on(client.get(reverse("status"), secure=True)) == []
