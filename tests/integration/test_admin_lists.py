"""The lists of the admin site can be searched and filtered. Invalid input shows a message."""

from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from apps.common.lossless_json import escape
from apps.conversations import search
from apps.conversations.admin import base
from apps.conversations.erasure_models import Erasure
from apps.conversations.models import Conversation, Resolution
from apps.conversations.project_models import Project
from tests.support.admin import listed, operator
from tests.support.admin_samples import stored_letter
from tests.support.builders import NOON, PROJECT, contact, conversation, entry, project
from tests.support.html import Document
from tests.support.services import answer_recorded
from tests.support.stored import archive_many

pytestmark = pytest.mark.django_db

MODEL = "conversations_conversation"


@pytest.fixture
def client() -> Client:
    """Return a client signed in as a superuser."""
    return operator()


def opened(number: int, **fields: object) -> Conversation:
    """Return a conversation of contact `number`, opened `number` days before noon."""
    one = conversation(urn=f"telegram:100{number}", opened_at=NOON - timedelta(days=number))
    for name, value in fields.items():
        setattr(one, name, value)
    one.save()
    return one


def closed(number: int, **fields: object) -> Conversation:
    """Return a conversation that closed an hour after it opened."""
    ended_at = NOON - timedelta(days=number) + timedelta(hours=1)
    archived_at = ended_at + timedelta(minutes=1)
    values = {"resolution": Resolution.RESOLVED, "ended_at": ended_at, "archived_at": archived_at}
    return opened(number, **{**values, **fields})


def test_a_conversation_is_found_by_each_id_and_by_a_prefix_of_its_urn(
    client: Client,
) -> None:
    first = opened(1, external_id="window 1")
    second = opened(2, external_id=str(uuid4()))

    assert listed(client, MODEL, q=str(first.uuid)) == [first]
    assert listed(client, MODEL, q="window 1") == [first]
    assert listed(client, MODEL, q=second.external_id) == [second]
    assert listed(client, MODEL, q="telegram:1002") == [second]
    assert listed(client, MODEL, q=" telegram:10 ") == [first, second]
    assert listed(client, MODEL, q="telegram_10") == []
    assert listed(client, MODEL, q="te") == []


def test_a_contact_with_escaped_characters_is_found(client: Client) -> None:
    odd = opened(1, contact_urn=escape("ext:\ud800"))

    assert listed(client, MODEL, q="ext:\\ud800") == []
    assert listed(client, MODEL, q="ext:") == [odd]


def test_a_prefix_that_matches_too_many_shows_a_message(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MAX_FOUND", 1)
    opened(1), opened(2)

    answer = client.get(reverse(f"admin:{MODEL}_changelist"), {"q": "telegram:"}, secure=True)

    assert "More than 1 conversations match: type more characters." in answer.content.decode()
    assert list(answer.context["cl"].result_list) == []


def test_conversations_are_found_by_state(client: Client) -> None:
    open_one = opened(1)
    resolved = closed(2)
    unarchived = closed(3, resolution=Resolution.UNCLASSIFIED, archived_at=None)
    wanted = opened(4, requested_resolution=Resolution.RESOLVED)

    assert listed(client, MODEL) == [open_one, resolved, unarchived, wanted]
    assert listed(client, MODEL, state="2") == [open_one, wanted]
    assert listed(client, MODEL, state="closed") == [resolved, unarchived]
    assert listed(client, MODEL, state="0") == [resolved]
    assert listed(client, MODEL, state="unarchived") == [unarchived]
    assert listed(client, MODEL, state="wanted") == [wanted]
    assert listed(client, MODEL, state="x") == []


def test_conversations_are_found_by_project(client: Client) -> None:
    one = opened(1)
    project(uuid=uuid4())

    assert listed(client, MODEL, project=str(PROJECT)) == [one]
    assert listed(client, MODEL, project=str(uuid4())) == []


def test_the_project_filter_suggests_names_while_typing(client: Client) -> None:
    for name in ("Shop", "Bank"):
        Project.objects.create(uuid=uuid4(), name=name)
    of = {"app_label": "conversations", "model_name": "conversation", "field_name": "project"}

    page = client.get(reverse(f"admin:{MODEL}_changelist"), secure=True).content.decode()
    offered = client.get(reverse("admin:autocomplete"), {**of, "term": "sho"}, secure=True).json()

    assert f'data-ajax--url="{reverse("admin:autocomplete")}"' in page
    assert "admin/js/autocomplete.js" in page
    assert "console/admin.css" in page
    assert [one["text"] for one in offered["results"]] == ["Shop"]


def test_a_period_of_utc_days_includes_its_first_and_last_day(client: Client) -> None:
    midnight = NOON.replace(hour=0)
    last_moment = midnight + timedelta(days=1) - timedelta(microseconds=1)
    first, last = opened(1, opened_at=midnight), opened(2, opened_at=last_moment)
    opened(3, opened_at=midnight - timedelta(microseconds=1))
    opened(4, opened_at=midnight + timedelta(days=1))
    day = f"{NOON:%Y-%m-%d}"

    assert listed(client, MODEL, opened_from=day, opened_to=day) == [last, first]


def test_a_period_of_closings_is_ordered_by_closing(client: Client) -> None:
    early, late = closed(5), closed(6, ended_at=NOON)
    opened(1)

    assert listed(client, MODEL, ended_to=f"{NOON:%Y-%m-%d}") == [late, early]
    assert listed(client, MODEL, ended_from=f"{NOON:%Y-%m-%d}") == [late]


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"opened_from": "23.11.2026"}, "is not a day: write it as 2026-11-23."),
        ({"ended_from": "2026-01-01", "ended_to": "2026-11-23"}, "At most 31 days at once."),
        ({"ended_to": "0001-01-02"}, "out of range"),
        ({"opened_to": "9999-12-31"}, "out of range"),
        ({"project": "shop"}, "is not a UUID: write "),
    ],
)
def test_invalid_input_finds_nothing_and_shows_a_message(
    client: Client, parameters: dict[str, str], sentence: str
) -> None:
    opened(1)

    answer = client.get(reverse(f"admin:{MODEL}_changelist"), parameters, secure=True)

    assert sentence in answer.content.decode()
    assert list(answer.context["cl"].result_list) == []


def test_answers_without_a_score_are_found_by_reason_and_by_project(client: Client) -> None:
    other = contact(project=uuid4())
    answer_recorded(message_id="scored", at=NOON)
    answer_recorded(message_id="word", value="Well", problem="not_a_number", at=NOON)
    answer_recorded(message_id="none", value="", problem="missing", at=NOON, of=other)
    answer_recorded(message_id="custom", key="comment", value="slow", at=NOON)

    def found(**parameters: str) -> set[str]:
        return {one.message_id for one in listed(client, "analytics_surveyanswer", **parameters)}

    assert found() == {"scored", "word", "none", "custom"}
    assert found(problem="any") == {"word", "none"}
    assert found(problem="not_a_number") == {"word"}
    assert found(problem="any", project=str(other.project_uuid)) == {"none"}
    assert found(problem="x") == set()


@pytest.mark.parametrize(
    ("model", "text"),
    [
        ("conversation_messages_producerproblem", "Sends CSAT or NPS answers that are not scores"),
        ("conversations_auditentry", "Read messages of"),
        ("analytics_surveyanswer", "No score: not a number"),
        ("conversations_erasure", "Not yet erased"),
        ("conversation_messages_deadletter", "Waits for a decision"),
    ],
)
def test_the_choices_of_a_filter_begin_in_upper_case_and_keep_acronyms(
    client: Client, model: str, text: str
) -> None:
    changes = client.get(reverse(f"admin:{model}_changelist"), secure=True).context["cl"]

    shown = [
        one["display"]
        for spec in changes.filter_specs
        for one in spec.choices(changes)
        if "display" in one
    ]
    assert text in shown
    assert [one for one in shown if not one[0].isupper()] == []


def test_erasures_are_found_by_state(client: Client) -> None:
    waiting, done = (
        Erasure.objects.create(
            project=project(), contact_hash=str(erased_at), requested_at=NOON, erased_at=erased_at
        )
        for erased_at in (None, NOON)
    )

    assert listed(client, "conversations_erasure", state="waiting") == [waiting]
    assert listed(client, "conversations_erasure", state="erased") == [done]


def test_dead_letters_wait_for_a_decision_until_a_redrive_is_requested(client: Client) -> None:
    model = "conversation_messages_deadletter"
    waiting = stored_letter(at=NOON)
    wanted = stored_letter(at=NOON, redrive_requested_at=NOON)
    redriven = stored_letter(at=NOON, redriven_at=NOON)

    assert listed(client, model, state="waiting") == [waiting]
    assert listed(client, model, state="wanted") == [wanted]
    assert listed(client, model, state="redriven") == [redriven]


def test_the_number_below_a_list_names_its_rows(client: Client) -> None:
    one = closed(0)
    archive_many(conversation_uuid=one.uuid, entries=[entry()])
    url = reverse("admin:conversation_messages_conversationmessages_changelist")

    content = client.get(url, secure=True).content.decode()

    assert "1 archive part" in content
    # The list says that the transcript of the conversation has the messages.
    assert reverse(f"admin:{MODEL}_change", args=[one.pk]) in content


def test_each_filter_keeps_the_parameters_of_the_others(client: Client) -> None:
    parameters = {"state": "2", "q": "telegram:1001", "opened_from": "2026-11-01"}
    page = client.get(reverse(f"admin:{MODEL}_changelist"), parameters, secure=True)

    content = page.content.decode()
    assert content.count('<input type="hidden" name="state" value="2">') >= 3
    assert '<input type="hidden" name="opened_from" value="2026-11-01">' in content


def test_a_list_shows_short_ids_ages_states_and_links_to_projects(client: Client) -> None:
    one = opened(1, contact_name="Ana", closes_at=NOON + timedelta(hours=3, minutes=20))
    closed(2, csat=4, nps=9, message_count=12)
    Project.objects.update(name="Shop")

    with time_machine.travel(NOON, tick=False):
        page = client.get(reverse(f"admin:{MODEL}_changelist"), secure=True).content.decode()

    assert f'<code class="short-id" title="{one.uuid}">{one.uuid}</code>' in page
    assert 'title="2026-11-22 12:00:00 UTC">1d ago</time>' in page
    assert 'title="2026-11-23 15:20:00 UTC">in 3h20m</time>' in page
    project = reverse("admin:conversations_project_change", args=[PROJECT])
    assert page.count(f'<a href="{project}"><bdi>Shop</bdi></a>') == 2
    for cell in (">In progress</td>", ">Resolved</td>", ">4</td>", ">9</td>", ">12</td>"):
        assert cell in page
    assert 'id="nav-sidebar"' not in page


def test_a_project_is_linked_only_for_users_who_may_view_it() -> None:
    one = opened(1)
    Project.objects.update(name="Shop")
    client = operator("view_conversation")

    for address in (
        reverse(f"admin:{MODEL}_changelist"),
        reverse(f"admin:{MODEL}_change", args=[one.pk]),
    ):
        page = client.get(address, secure=True).content.decode()
        assert "<bdi>Shop</bdi>" in page
        assert "/project/" not in page


def test_empty_and_truncated_lists_show_a_message(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = reverse(f"admin:{MODEL}_changelist")
    assert "Nothing was found." in client.get(url, secure=True).content.decode()

    monkeypatch.setattr(base, "MAX_PAGED", 2)
    for number in range(3):
        opened(number)
    assert "Only the first 2 are listed" in client.get(url, secure=True).content.decode()


def test_a_url_cannot_filter_by_other_fields(client: Client) -> None:
    url = reverse(f"admin:{MODEL}_changelist")

    for name in ("contact_name__icontains", "project__name__startswith", "group_id"):
        assert client.get(url, {name: "x"}, secure=True).status_code == 400


def test_the_page_of_a_conversation_shows_times_in_its_projects_zone(client: Client) -> None:
    one = closed(0)
    url = reverse(f"admin:{MODEL}_change", args=[one.pk])

    content = client.get(url, secure=True).content.decode()

    assert "2026-11-23 10:00:00, America/Sao_Paulo" in content


def test_the_page_of_a_conversation_shows_its_scores_an_nps_of_0_among_them(
    client: Client,
) -> None:
    one = closed(0, csat=5, nps=0)

    answer = client.get(reverse(f"admin:{MODEL}_change", args=[one.pk]), secure=True)

    rows = list(Document(answer.content.decode()).all("div"))
    for name, score in (("csat", "5"), ("nps", "0")):
        (row,) = [
            one for one in rows if one.has_class("form-row") and one.has_class(f"field-{name}")
        ]
        assert row.text.split()[-1] == score


def test_the_button_that_leaves_a_page_does_not_sound_like_closing_the_conversation(
    client: Client,
) -> None:
    stored = conversation(opened_at=NOON)
    url = reverse("admin:conversations_conversation_change", args=[stored.pk])

    document = Document(client.get(url, secure=True).content.decode())

    (leave,) = [one for one in document.all("a") if one.attributes.get("class") == "closelink"]
    assert leave.text == "Back to the list"
    assert leave.attributes["href"] == reverse("admin:conversations_conversation_changelist")


def test_every_time_in_the_admin_has_24_hours_seconds_and_a_zone(client: Client) -> None:
    one = closed(0, ended_at=NOON + timedelta(hours=5, seconds=7))
    url = reverse(f"admin:{MODEL}_change", args=[one.pk])

    content = client.get(url, secure=True).content.decode()

    assert "2026-11-23 17:00:07 UTC" in content
    assert "p.m." not in content


def test_a_missing_value_is_shown_as_a_dash(client: Client) -> None:
    url = reverse(f"admin:{MODEL}_change", args=[opened(0).pk])

    assert ">None<" not in client.get(url, secure=True).content.decode()


@pytest.mark.parametrize(
    "model",
    [
        MODEL,
        "conversations_erasure",
        "conversations_auditentry",
        "conversation_messages_conversationmessages",
        "conversation_messages_deadletter",
        "conversation_messages_producerproblem",
        "analytics_surveyanswer",
        "analytics_outboxevent",
        "django_celery_beat_periodictask",
    ],
)
def test_a_list_is_refused_without_its_permission(model: str) -> None:
    client = operator("view_project")

    assert client.get(reverse(f"admin:{model}_changelist"), secure=True).status_code == 403


def test_the_page_of_an_answer_shows_the_value_as_it_was_sent(client: Client) -> None:
    values = {r"\u005cu0041\u0000": r"\u0041␀", "": "-"}
    for number, stored in enumerate(values):
        answer_recorded(key="c", value=stored, message_id=f"a-{number}", at=NOON)

    for answer in listed(client, "analytics_surveyanswer"):
        address = reverse("admin:analytics_surveyanswer_change", args=[answer.pk])
        shown = client.get(address, secure=True).content.decode()
        assert f"<bdi>{values[answer.value]}</bdi>" in shown
