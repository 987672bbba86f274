"""Operators find dead letters in the admin site and request redrives."""

from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.conversations.admin import base
from apps.conversations.audit_models import AuditEntry
from apps.conversations.project_models import Project
from apps.messages.admin import dead_letter_changes
from apps.messages.dead_letter_format import place_of
from apps.messages.dead_letter_reasons import sentence_of
from apps.messages.models import DeadLetter
from tasks.deadletters import collect as collecting
from tasks.deadletters.collect import collect_dead_letters
from testbed.sqs.fifo import Fifo
from tests.support.builders import NOON, PROJECT
from tests.support.dead_letters import (
    MAX_BYTES,
    bury,
    bury_numbered,
    collect,
    dead_letter_queue_of,
    kept,
    numbers,
)
from tests.support.service_queue import ServiceQueue

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "admin:conversation_messages_deadletter_changelist"


@pytest.fixture(autouse=True)
def letters(queue: ServiceQueue, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fifo]:
    """The dead-letter queue."""
    with dead_letter_queue_of(queue, monkeypatch) as letters:
        yield letters


@pytest.fixture
def three(letters: Fifo) -> list[DeadLetter]:
    """Three dead letters of one group; the last names no project."""
    bury_numbered(letters, 0, reason="bug")
    bury_numbered(letters, 1, reason="lost")
    bury(letters, "not JSON", reason="not_json", sent_at=NOON.replace(hour=13))
    return collect()


def browser(*permissions: str) -> Client:
    """Return a client of a staff user with these permissions, or all if there are none."""
    client = Client(headers={"x-forwarded-proto": "https"})
    user = User.objects.create_user("operator", is_staff=True, is_superuser=not permissions)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return client


def found(**parameters: str) -> list[int]:
    """Return the ids in the list, newest first."""
    client = browser()
    answer = client.get(reverse(LIST), parameters, secure=True)
    assert answer.status_code == 200
    User.objects.all().delete()
    return [letter.pk for letter in answer.context["cl"].result_list]


def redrive(client: Client, *selected: DeadLetter) -> list[str]:
    """Select these letters and run the action; return the messages that the page shows."""
    form = {"action": "redrive_selected", "_selected_action": [str(one.pk) for one in selected]}
    answer = client.post(reverse(LIST), form, secure=True)
    return [str(message) for message in get_messages(answer.wsgi_request)]


def test_dead_letters_are_found_by_reason_project_time_and_id(three: list[DeadLetter]) -> None:
    first, second, third = (letter.pk for letter in three)

    assert found() == [third, second, first]
    assert found(reason="lost") == [second]
    assert found(project=str(PROJECT)) == [second, first]
    assert found(project="shop") == []
    assert found(queue_time_from="2026-11-24") == []
    assert found(queue_time_from="2026-11-23", queue_time_to="2026-11-23") == [
        third,
        second,
        first,
    ]
    assert found(q=str(PROJECT)) == [second, first]
    assert found(q=three[0].message_id) == [first]
    assert found(q="nothing") == []
    assert found(state="waiting") == [third, second, first]


def test_the_filters_offer_values_of_the_table(three: list[DeadLetter]) -> None:
    page = browser().get(reverse(LIST), secure=True).content.decode()

    for reason in ("bug", "lost", "not_json"):
        assert f"?reason={reason}" in page
    assert f"?project={PROJECT}" in page


def test_the_list_shows_reasons_as_sentences_and_projects_by_name(
    three: list[DeadLetter],
) -> None:
    Project.objects.create(uuid=PROJECT, name="Shop")

    page = browser().get(reverse(LIST), secure=True).content.decode()

    for reason in ("bug", "lost", "not_json"):
        assert sentence_of(reason) in unescape(page)
    project = reverse("admin:conversations_project_change", args=[PROJECT])
    assert f'<a href="{project}"><bdi>Shop</bdi></a>' in page
    assert f"?project={PROJECT}" in page
    assert f'title="{three[0].message_id}">{three[0].message_id}</code>' in page


def test_a_dead_letter_is_shown_without_its_body_and_cannot_be_changed(
    three: list[DeadLetter],
) -> None:
    client = browser()
    url = reverse("admin:conversation_messages_deadletter_change", args=[three[0].pk])

    answer = client.get(url, secure=True)

    assert answer.status_code == 200
    assert three[0].message_id in answer.content.decode()
    assert str(place_of(three[0])) in answer.content.decode()
    assert "hello" not in answer.content.decode()
    assert client.post(url, {"reason": "x"}, secure=True).status_code == 403
    add = reverse("admin:conversation_messages_deadletter_add")
    assert client.get(add, secure=True).status_code == 403


def test_the_list_reads_no_bodies_and_counts_only_rows_that_it_can_page(
    three: list[DeadLetter], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "MAX_PAGED", 2)
    client = browser()

    with CaptureQueriesContext(
        connection,
    ) as queries:
        answer = client.get(reverse(LIST), secure=True)

    sql = [query["sql"] for query in queries if "deadletter" in query["sql"]]
    counts = [one for one in sql if "COUNT(" in one]
    assert counts
    assert all("LIMIT 2" in one for one in counts)
    assert not any('."body"' in one for one in sql)
    assert answer.context["cl"].result_count == 2


def test_the_next_tick_redrives_selected_letters_in_order(
    three: list[DeadLetter], queue: ServiceQueue
) -> None:
    assert redrive(browser(), three[1], three[0]) == []
    assert queue.deliveries() == []

    collect_dead_letters.run()

    assert numbers([one.body for one in queue.deliveries()]) == ["m-0", "m-1"]
    assert [letter.redrive_count for letter in kept()] == [1, 1, 0]
    assert all(letter.redrive_requested_at is None for letter in kept())
    entries = AuditEntry.objects.exclude(action="login").order_by("object_id")
    assert list(entries.values_list("actor", "action", "object_id")) == sorted(
        ("operator", "redrive", str(one.pk)) for one in three[:2]
    )

    collect_dead_letters.run()
    assert queue.deliveries() == []


def test_earlier_requests_are_reported(three: list[DeadLetter]) -> None:
    client = browser()
    redrive(client, three[0])

    assert redrive(client, *three[:2]) == [
        "Skipped, because a redrive was requested or done before: 1."
    ]


def test_a_letter_that_was_redriven_is_not_redriven_by_a_later_request(
    three: list[DeadLetter], queue: ServiceQueue
) -> None:
    client = browser()
    redrive(client, three[0])
    collect_dead_letters.run()

    assert redrive(client, three[0])[-1] == (
        "Skipped, because a redrive was requested or done before: 1."
    )

    collect_dead_letters.run()
    assert len(queue.deliveries()) == 1


def test_a_letter_that_sqs_refuses_is_not_tried_again(
    letters: Fifo, queue: ServiceQueue, caplog: pytest.LogCaptureFixture
) -> None:
    bury(letters, "x" * MAX_BYTES)
    (large,) = collect()
    redrive(browser(), large)

    collect_dead_letters.run()

    assert "redrive_refused" in caplog.text
    (letter,) = kept()
    assert (letter.redrive_requested_at, letter.redriven_at) == (None, None)
    assert letter.redrive_refusal == (
        "too large to be sent with its place on the queue and its type"
    )


def test_a_request_survives_an_outage(three: list[DeadLetter], queue: ServiceQueue) -> None:
    redrive(browser(), three[0])
    queue.strict.fail(status=503, code="ServiceUnavailable", actions=["SendMessageBatch"])
    collect_dead_letters.run()
    queue.strict.clear_faults()
    assert queue.deliveries() == []

    collect_dead_letters.run()

    assert len(queue.deliveries()) == 1


def test_a_tick_redrives_a_bounded_number_and_sends_another_tick(
    three: list[DeadLetter], queue: ServiceQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "MAX_REDRIVEN", 2)
    redrive(browser(), *three)

    collect_dead_letters.run()

    names: list[Any] = [one.is_celery for one in queue.deliveries()]
    assert sorted(names) == [False, False, True]
    collect_dead_letters.run()
    assert [one.is_celery for one in queue.deliveries()] == [False]


def test_a_selection_above_the_limit_is_refused(
    three: list[DeadLetter], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letter_changes, "MAX_CHANGED_AT_ONCE", 2)

    assert redrive(browser(), *three) == ["Nothing was done: select at most 2 dead letters."]
    assert all(letter.redrive_requested_at is None for letter in kept())


def test_users_with_view_permission_only_cannot_redrive(three: list[DeadLetter]) -> None:
    redrive(browser("view_deadletter"), three[0])

    assert all(letter.redrive_requested_at is None for letter in kept())
