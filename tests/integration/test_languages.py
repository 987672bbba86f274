"""The language of pages: the user or the browser chooses it, and nothing else depends on it."""

import json
from io import StringIO
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.template.defaultfilters import filesizeformat
from django.test import Client
from django.urls import reverse
from django.utils import translation

from apps.analytics.console.buckets import long_date
from apps.conversations.admin.cells import exact_time
from apps.conversations.audit_models import AuditEntry
from apps.conversations.models import Resolution
from apps.messages.models import DeadLetter
from operations import error_pages
from operations.status import document
from tests.support.admin import act, operator
from tests.support.admin_samples import stored_letter
from tests.support.builders import NOON, conversation, project
from tests.support.html import Document
from tests.support.status_readings import healthy, judged, lines_of, queues

pytestmark = pytest.mark.django_db

INDEX, LOGIN, CHOICE = reverse("admin:index"), reverse("admin:login"), reverse("set_language")
NAMES = {
    "en": "Conversation service",
    "pt-br": "Serviço de conversas",
    "es": "Servicio de conversaciones",
}


def visitor(accepted: str = "") -> Client:
    """Return a client that has not signed in, and whose browser prefers these languages."""
    return Client(headers={"x-forwarded-proto": "https", "accept-language": accepted})


def language_of(answer: Any) -> str:
    """Return the language of a page, which its element, its header and its texts agree on."""
    page = Document(answer.content.decode())
    language = next(page.all("html")).attributes["lang"]
    assert answer["Content-Language"] == language
    assert NAMES[language] in next(page.all("title")).text
    return language


def choose(client: Client, language: str, *, at: str) -> Any:
    """Choose a language in the menu of a page, and return the page that the browser then shows."""
    page = Document(client.get(at, secure=True).content.decode())
    fields = {one.attributes.get("name"): one.attributes for one in page.all("input")}
    buttons = [one.attributes["value"] for one in page.all("button", within="languages")]
    assert buttons == list(NAMES)
    form = {"language": language, "next": fields["next"]["value"]}
    return client.post(CHOICE, form, secure=True, follow=True)


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("pt-BR,pt;q=0.9,en;q=0.8", "pt-br"),
        ("pt-PT", "pt-br"),
        ("es-419,es;q=0.9", "es"),
        ("es-MX", "es"),
        ("de,en;q=0.5", "en"),
        ("de", "en"),
        ("", "en"),
    ],
)
def test_the_browser_decides_without_a_choice(accepted: str, language: str) -> None:
    answer = visitor(accepted).get(LOGIN, secure=True)

    assert language_of(answer) == language


def test_a_page_varies_with_what_decides_its_language() -> None:
    for client, url in ((visitor(), LOGIN), (operator(), INDEX)):
        answer = client.get(url, secure=True)

        assert {"Accept-Language", "Cookie"} <= set(answer["Vary"].split(", "))


@pytest.mark.parametrize("language", NAMES)
def test_a_choice_is_kept_for_signed_out_users(language: str) -> None:
    client = visitor("es")

    answer = choose(client, language, at=LOGIN)

    assert language_of(answer) == language
    assert language_of(client.get(LOGIN, secure=True)) == language


def test_a_choice_is_kept_for_signed_in_users_and_leads_back_to_the_page() -> None:
    client = operator()
    url = reverse("admin:conversations_conversation_changelist") + "?state=closed"

    answer = choose(client, "es", at=url)

    assert answer.redirect_chain[-1][0].endswith(url)
    assert language_of(answer) == "es"


def test_the_cookie_with_the_choice_lasts_and_is_out_of_reach_of_scripts(settings: Any) -> None:
    settings.LANGUAGE_COOKIE_SECURE = True
    client = visitor()

    choose(client, "pt-br", at=LOGIN)

    cookie = client.cookies[settings.LANGUAGE_COOKIE_NAME]
    assert cookie["max-age"] >= 30_000_000
    assert cookie["httponly"]
    assert cookie["secure"]
    assert cookie["samesite"] == "Lax"


def test_the_menu_marks_the_current_language_and_names_each_in_its_own() -> None:
    page = Document(visitor("es").get(LOGIN, secure=True).content.decode())

    buttons = list(page.all("button", within="languages"))

    assert [one.text for one in buttons] == ["English", "Português Brasileiro", "Español"]
    assert [one.attributes["lang"] for one in buttons] == list(NAMES)
    assert [one.attributes.get("aria-current") for one in buttons] == [None, None, "true"]


def test_a_menu_leads_to_no_other_site() -> None:
    form = {"language": "es", "next": "https://example.org/"}

    answer = visitor().post(CHOICE, form, secure=True)

    assert answer["Location"] == "/"


def test_a_page_that_answers_a_form_does_not_offer_itself_as_the_next_one() -> None:
    page = Document(operator().post(reverse("admin:logout"), secure=True).content.decode())

    (field,) = [one for one in page.all("input") if one.attributes.get("name") == "next"]

    assert field.attributes["value"] == INDEX


@pytest.mark.parametrize(
    ("language", "title"),
    [("pt-br", "Esta página não existe"), ("es", "Esta página no existe")],
)
def test_the_pages_of_errors_have_the_language_of_the_request(language: str, title: str) -> None:
    client = operator()
    client.cookies[django_settings.LANGUAGE_COOKIE_NAME] = language

    answer = client.get("/nothing-here/", secure=True)

    assert answer.status_code == 404
    assert language_of(answer) == language
    assert title in answer.content.decode()


@pytest.mark.parametrize(
    ("language", "time", "day", "size"),
    [
        ("en", "2026-11-23 12:00:00 UTC", "23 Nov 2026", "1.5"),
        ("pt-br", "23/11/2026 12:00:00 UTC", "23 nov 2026", "1,5"),
        ("es", "23/11/2026 12:00:00 UTC", "23 nov 2026", "1,5"),
    ],
)
def test_dates_and_decimals_follow_the_language(
    language: str, time: str, day: str, size: str
) -> None:
    with translation.override(language):
        assert exact_time(NOON) == time
        assert long_date(NOON.date()) == day
        assert filesizeformat(1_536).startswith(size)


@pytest.mark.parametrize("language", NAMES)
def test_ids_and_urls_are_the_same_in_every_language(language: str) -> None:
    letter = stored_letter(at=NOON, sequence_number=18_870_000_000_000_000_001)
    DeadLetter.objects.filter(pk=letter.pk).update(id=1_234_567)
    client = operator()
    client.cookies[django_settings.LANGUAGE_COOKIE_NAME] = language

    listed = client.get(reverse("admin:conversation_messages_deadletter_changelist"), secure=True)
    url = reverse("admin:conversation_messages_deadletter_change", args=[1_234_567])
    shown = client.get(url, secure=True).content.decode()

    assert url in listed.content.decode()
    assert ">1234567<" in listed.content.decode()
    assert "18870000000000000001" in shown


def test_an_export_is_the_same_in_every_language(settings: Any) -> None:
    settings.CONSOLE_ENABLED = True
    letter = stored_letter(at=NOON)
    client = operator()
    exports = set()
    for language in NAMES:
        client.cookies[django_settings.LANGUAGE_COOKIE_NAME] = language
        form = {"action": "export_selected", "_selected_action": [str(letter.pk)]}
        url = reverse("admin:conversation_messages_deadletter_changelist")
        answer: Any = client.post(url, form, secure=True)
        exports.add(b"".join(answer.streaming_content))

    assert len(exports) == 1
    assert json.loads(exports.pop())["reason"] == "bug"


def test_the_audit_log_stores_the_same_in_every_language() -> None:
    project()
    client = operator()
    entries = []
    for number, language in enumerate(NAMES):
        client.cookies[django_settings.LANGUAGE_COOKIE_NAME] = language
        opened = conversation(urn=f"telegram:{number}", opened_at=NOON)
        *_, message = act(client, "conversations_conversation", "close_as_resolved", opened)
        entry = AuditEntry.objects.get(object_id=str(opened.pk))
        entries.append((entry.action, entry.object_type, entry.detail))
        assert message.startswith("1 convers")
        opened.refresh_from_db()
        assert opened.requested_resolution == Resolution.RESOLVED

    assert entries == [("close", "conversation", {"resolution": "resolved"})] * 3


def test_the_audit_log_is_shown_in_the_language_of_the_reader() -> None:
    project()
    client = operator()
    opened = conversation(opened_at=NOON)
    act(client, "conversations_conversation", "close_as_resolved", opened)
    client.cookies[django_settings.LANGUAGE_COOKIE_NAME] = "pt-br"

    page = client.get(reverse("admin:conversations_auditentry_changelist"), secure=True)

    assert "pediu o encerramento de" in page.content.decode()
    assert "resolução: resolvida" in page.content.decode()


def test_the_status_of_programs_does_not_depend_on_the_language_of_pages() -> None:
    readings = healthy(queues=queues(events=(1, 2)))
    in_english = document.as_json(judged(readings))
    with translation.override("es"):
        assert judged(readings).lines[-1].title == "Versión"

    assert document.as_json(judged(readings)) == in_english
    assert '"title": "Version"' in in_english


def test_commands_are_in_english_whatever_the_machine_prefers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("LANG", "LANGUAGE", "LC_ALL"):
        monkeypatch.setenv(name, "pt_BR.UTF-8")
    output = StringIO()

    call_command("dlq", "list", stdout=output)

    assert output.getvalue() == "There are no dead letters.\n"


@pytest.mark.parametrize(
    ("language", "events", "sentence"),
    [
        ("en", (0, 1), "No event waits to be received, and 1 is in flight."),
        ("en", (1_200, 2), "About 1,200 events wait to be received, and 2 are in flight."),
        ("pt-br", (0, 2), "Nenhum evento aguarda recebimento, e 2 estão em trânsito."),
        ("pt-br", (1_200, 1), "Cerca de 1.200 eventos aguardam recebimento, e 1 está em trânsito."),
        ("es", (1, 0), "Alrededor de 1 evento espera su recepción, y ninguno está en tránsito."),
    ],
)
def test_counts_are_grouped_and_agree_with_their_words(
    language: str, events: tuple[int, int], sentence: str
) -> None:
    with translation.override(language):
        lines = lines_of(healthy(queues=queues(events=events)))

    assert lines["queue"].sentence.startswith(sentence)


def test_a_changed_field_is_stored_by_its_english_label() -> None:
    stored = project()
    client = operator()
    client.cookies[django_settings.LANGUAGE_COOKIE_NAME] = "pt-br"
    url = reverse("admin:conversations_project_change", args=[stored.pk])
    form = {"name": "Loja", "timezone": "UTC", "closing_time": "08:30", "idle_timeout": "30m"}

    client.post(url, form, secure=True)

    entry = AuditEntry.objects.get(object_id=str(stored.pk))
    assert entry.detail["fields"] == ["Closing time", "Idle timeout", "Name", "Time zone"]


def test_the_page_of_a_lock_has_the_language_of_the_request() -> None:
    with translation.override("es"):
        answer = error_pages.locked_out(None)  # type: ignore[arg-type]

    assert "Inténtelo de nuevo en 15 minutos." in answer.content.decode()
    assert answer["Retry-After"] == "900"
