"""The page of a dead letter, the progress of a redrive, exporting and discarding."""

import json
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from apps.conversations.audit_models import AuditAction, AuditEntry
from apps.messages.admin import dead_letter_changes, redrive_progress
from apps.messages.models import DeadLetter
from tasks.deadletters.collect import collect_dead_letters
from tasks.deadletters.export import write_export
from testbed.sqs.fifo import Fifo
from tests.support.admin import operator
from tests.support.admin_samples import stored_letter
from tests.support.builders import NOON, TEXT
from tests.support.console_client import MAY_READ
from tests.support.dead_letters import MAX_BYTES, bury_numbered, collect, dead_letter_queue_of
from tests.support.service_queue import ServiceQueue

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "admin:conversation_messages_deadletter_changelist"
READER = (*MAY_READ, "view_deadletter")


@pytest.fixture(autouse=True)
def letters(queue: ServiceQueue, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Fifo]:
    """The dead-letter queue. The console is enabled, as reading messages requires."""
    settings.CONSOLE_ENABLED = True
    with dead_letter_queue_of(queue, monkeypatch) as letters:
        yield letters


def act(client: Client, action: str, *selected: DeadLetter, **fields: str) -> Any:
    """Run an action on these letters. Return the response."""
    form = {"action": action, "_selected_action": [str(one.pk) for one in selected], **fields}
    return client.post(reverse(LIST), form, secure=True)


def shown(client: Client, letter: DeadLetter) -> str:
    """Return the page of a letter."""
    url = reverse("admin:conversation_messages_deadletter_change", args=[letter.pk])
    answer = client.get(url, secure=True)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def progress(client: Client, url: str) -> str:
    """Return the page that shows the progress of a redrive."""
    answer = client.get(url, secure=True)
    assert answer.status_code == 200
    return " ".join(unescape(answer.content.decode()).split())


def log() -> list[tuple[str, str, str]]:
    """Return the entries of the audit log, without those of logins."""
    entries = AuditEntry.objects.exclude(action=AuditAction.LOGIN).order_by("id")
    return list(entries.values_list("actor", "action", "object_id"))


def test_a_user_who_may_read_messages_sees_the_error_and_the_body_and_that_is_logged() -> None:
    letter = stored_letter(at=NOON, error="KeyError at <module>")

    page = shown(operator(*READER), letter)

    assert "KeyError at <module>" in page
    assert TEXT in page
    assert log() == [("operator", "read", str(letter.pk))]


def test_other_users_see_neither_the_error_nor_the_body() -> None:
    letter = stored_letter(at=NOON, error="KeyError at store.py", reason="lost")

    page = shown(operator("view_deadletter"), letter)

    assert "The process died, or took too long, in five runs." in page
    assert letter.message_id in page
    assert "KeyError" not in page
    assert TEXT not in page
    assert log() == []


def test_only_the_beginning_of_a_large_body_is_shown() -> None:
    letter = stored_letter(at=NOON, body="x" * 50_000 + "~~~")

    page = shown(operator(*READER), letter)

    assert "~~~" not in page
    assert "3 more characters: export the letter to read them" in page


def test_the_progress_page_refreshes_itself_until_all_letters_are_redriven(
    letters: Fifo, queue: ServiceQueue
) -> None:
    bury_numbered(letters, 0)
    bury_numbered(letters, 1)
    client = operator()

    url = act(client, "redrive_selected", *collect())["Location"]

    assert url == redrive_progress.address([one.pk for one in DeadLetter.objects.order_by("pk")])
    before = progress(client, url)
    assert "0 of 2 redriven so far." in before
    assert 'console/refresh.js" data-seconds="5"' in before

    collect_dead_letters.run()

    after = progress(client, url)
    assert "Done: 2 of 2 redriven." in after
    assert "refresh.js" not in after


def test_the_progress_page_shows_why_a_letter_was_not_redriven() -> None:
    large = stored_letter(at=NOON, body="x" * MAX_BYTES)
    behind = stored_letter(at=NOON + timedelta(seconds=1))
    client = operator()
    url = act(client, "redrive_selected", large, behind)["Location"]

    collect_dead_letters.run()

    page = progress(client, url)
    assert "Done: 0 of 2 redriven." in page
    assert "too large to be sent with its place on the queue and its type" in page
    assert "an earlier letter of its message group was refused" in page
    assert "waits for a decision: not redriven, too large to be sent" in shown(client, large)


def test_the_progress_page_counts_letters_that_were_deleted() -> None:
    url = redrive_progress.address([stored_letter(at=NOON, redriven_at=NOON).pk, 999_999_999])

    assert "<td>1</td></tr> </tbody>" in progress(operator(), url)


def test_the_progress_page_says_when_no_worker_redrives() -> None:
    letter = stored_letter(at=NOON, redrive_requested_at=NOON)
    url, client = redrive_progress.address([letter.pk]), operator()

    with time_machine.travel(NOON + timedelta(minutes=2), tick=False):
        assert "manage.py doctor" not in progress(client, url)
    with time_machine.travel(NOON + timedelta(minutes=4), tick=False):
        assert "manage.py doctor" in progress(client, url)


@pytest.mark.parametrize("ids", ["", "x", "1,,2", "-1", "9" * 19, ",".join(map(str, range(101)))])
def test_a_progress_page_without_letters_does_not_exist(ids: str) -> None:
    url = reverse("admin:conversation_messages_redrive_progress")

    assert operator().get(url, {"ids": ids}, secure=True).status_code == 404


def test_the_progress_page_needs_the_permission_to_view_dead_letters() -> None:
    url = redrive_progress.address([stored_letter(at=NOON).pk])

    assert operator("view_project").get(url, secure=True).status_code == 403


def test_the_confirmation_counts_what_would_be_deleted_and_deletes_nothing() -> None:
    two = [stored_letter(at=NOON), stored_letter(at=NOON + timedelta(hours=1))]
    other = stored_letter(at=NOON, reason="not_json", redriven_at=NOON)
    wanted = stored_letter(at=NOON, redrive_requested_at=NOON)

    page = unescape(act(operator(), "discard_selected", *two, other, wanted).content.decode())

    assert "This deletes 3 dead letters permanently. Nothing is deleted yet." in page
    assert "<td>Five runs failed with an unexpected error.</td><td>2</td>" in page
    assert "<td>The body is not JSON.</td><td>1</td>" in page
    assert "from 2026-11-23 12:00:00 UTC to 2026-11-23 13:00:00 UTC" in page
    assert "1 of the letters was redriven" in page
    assert "1 of the selected letters is kept, because a redrive is requested." in page
    assert DeadLetter.objects.count() == 4
    assert log() == []


def test_confirmed_letters_are_discarded_except_those_to_be_redriven() -> None:
    letter = stored_letter(at=NOON)
    wanted = stored_letter(at=NOON, redrive_requested_at=NOON)

    answer = act(operator(), "discard_selected", letter, wanted, confirmed="yes")

    assert [str(one) for one in get_messages(answer.wsgi_request)] == ["Dead letters discarded: 1."]
    assert list(DeadLetter.objects.all()) == [wanted]
    assert log() == [("operator", "discard", str(letter.pk))]


def test_discarding_needs_the_permission_to_delete_dead_letters() -> None:
    letter = stored_letter(at=NOON)
    client = operator("view_deadletter", "change_deadletter")

    act(client, "discard_selected", letter, confirmed="yes")

    assert DeadLetter.objects.count() == 1


def test_an_export_has_the_same_lines_as_that_of_the_command(tmp_path: Any) -> None:
    later, earlier = stored_letter(at=NOON + timedelta(hours=1)), stored_letter(at=NOON)
    file = tmp_path / "letters.jsonl"
    write_export(file, DeadLetter.objects.order_by("queue_time"))

    answer = act(operator(*READER), "export_selected", later, earlier)

    exported = b"".join(answer.streaming_content).decode()
    assert exported == file.read_text(encoding="ascii")
    assert [json.loads(line)["id"] for line in exported.splitlines()] == [earlier.pk, later.pk]
    assert answer["Content-Disposition"].startswith('attachment; filename="dead-letters-2')
    (entry,) = AuditEntry.objects.exclude(action=AuditAction.LOGIN)
    assert (entry.action, entry.detail) == ("export", {"count": 2})


def test_exporting_needs_the_permission_to_read_messages() -> None:
    letter = stored_letter(at=NOON)
    client = operator("view_deadletter", "change_deadletter", "delete_deadletter")

    answer = act(client, "export_selected", letter)

    assert answer.status_code == 302
    assert log() == []


@pytest.mark.parametrize("action", ["discard_selected", "export_selected"])
def test_a_selection_above_the_limit_changes_nothing(
    action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letter_changes, "MAX_CHANGED_AT_ONCE", 1)
    monkeypatch.setattr(dead_letter_changes, "MAX_EXPORTED_AT_ONCE", 1)
    two = [stored_letter(at=NOON), stored_letter(at=NOON)]

    answer = act(operator(), action, *two, confirmed="yes")

    assert [str(one) for one in get_messages(answer.wsgi_request)] == [
        "Nothing was done: select at most 1 dead letters."
    ]
    assert DeadLetter.objects.count() == 2
    assert log() == []
