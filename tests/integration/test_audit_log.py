"""The audit log of the admin site and of commands identifies objects only by their ids."""

import os
import pwd
import socket
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.analytics.models import OutboxEvent, SurveyAnswer
from apps.conversations import audit
from apps.conversations.audit_models import AuditAction, AuditEntry
from apps.conversations.erasing import contact_hash
from apps.conversations.erasure_models import Erasure
from apps.conversations.models import Resolution
from apps.conversations.project_models import Project
from apps.messages.models import DeadLetter
from tests.support.admin import act, listed, operator
from tests.support.builders import (
    CHANNEL,
    NOON,
    PROJECT,
    URN,
    conversation,
    entries,
    project,
)
from tests.support.dead_letters import dead_letter_queue_of
from tests.support.service_queue import ServiceQueue
from tests.support.stored import archive_many

pytestmark = pytest.mark.django_db

LOG = "conversations_auditentry"


def log() -> list[tuple[str, str, str, Any]]:
    """Return the entries, the oldest first, without actors, times and logins."""
    rows = AuditEntry.objects.exclude(action=AuditAction.LOGIN).order_by("id")
    return [(one.action, one.object_type, one.object_id, one.detail) for one in rows]


def run(*arguments: Any) -> str:
    """Run a command as on a command line, and return its output."""
    out = StringIO()
    call_command(*map(str, arguments), stdout=out, stderr=out)
    return out.getvalue()


def dead_letter(number: int = 1) -> DeadLetter:
    """Return a collected dead letter."""
    return DeadLetter.objects.create(
        message_id=f"letter-{number}",
        group_id="group",
        sequence_number=number,
        body="a secret",
        reason="bug",
        queue_time=NOON,
        receive_count=5,
        project_uuid=PROJECT,
        contact_urn=URN,
        collected_at=NOON,
    )


def test_a_change_of_a_project_is_logged_with_fields_but_without_values() -> None:
    project()
    url = reverse("admin:conversations_project_change", args=[PROJECT])
    form = {"name": "Ana's shop", "timezone": "UTC", "closing_time": "00:00:00"}

    assert operator().post(url, form, secure=True).status_code == 302

    assert log() == [("change", "project", str(PROJECT), {"fields": ["Name", "Time zone"]})]
    entry = AuditEntry.objects.get(action=AuditAction.CHANGE)
    assert (entry.actor, entry.source) == ("operator", "admin")
    assert not LogEntry.objects.exists()


def test_changes_of_users_are_logged() -> None:
    client = operator()
    form = {"username": "new", "password1": "a-Long-one-7", "password2": "a-Long-one-7"}
    form["usable_password"] = "true"

    assert client.post(reverse("admin:auth_user_add"), form, secure=True).status_code == 302

    new = User.objects.get(username="new")
    assert [one[:3] for one in log()] == [("add", "user", str(new.pk))]
    form = {"post": "yes"}
    client.post(reverse("admin:auth_user_delete", args=[new.pk]), form, secure=True)
    assert [one[:3] for one in log()][1:] == [("delete", "user", str(new.pk))]
    assert not LogEntry.objects.exists()


def test_requests_in_the_admin_are_logged_unless_they_are_refused() -> None:
    chat = conversation()
    closed = conversation(urn="telegram:2", resolution=Resolution.RESOLVED, ended_at=NOON)
    client = operator()
    model = "conversations_conversation"

    assert act(client, model, "close_as_resolved", chat) == [
        "1 conversation will be closed as resolved within a minute."
    ]
    act(client, model, "close_as_unresolved", closed)
    act(client, model, "reopen_selected", chat, closed)

    assert log() == [
        ("close", "conversation", str(chat.pk), {"resolution": "resolved"}),
        ("reopen", "conversation", str(closed.pk), {}),
    ]


def test_a_change_and_its_entry_commit_together(monkeypatch: pytest.MonkeyPatch) -> None:
    chat = conversation()

    def broken(**_arguments: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(audit, "record", broken)

    with pytest.raises(RuntimeError):
        act(operator(), "conversations_conversation", "close_selected", chat)
    chat.refresh_from_db()
    assert chat.requested_resolution is None


def test_a_command_is_logged_with_user_and_host(
    queue: ServiceQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = conversation()
    monkeypatch.delenv("SUDO_USER", raising=False)

    run("conversations", "close", chat.uuid, "--resolution", "unresolved", "--yes", "--wait", 0)

    entry = AuditEntry.objects.get()
    user = pwd.getpwuid(os.getuid()).pw_name
    assert (entry.actor, entry.source) == (f"{user}@{socket.gethostname()}", "command")
    assert log() == [("close", "conversation", str(chat.pk), {"resolution": "unresolved"})]


def test_the_caller_of_sudo_is_logged_instead_of_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "ana")
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert audit.command_line().name.startswith("ana@")

    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_000)
    assert audit.command_line().name.startswith("4000000000@")


def test_a_refused_command_leaves_no_entry() -> None:
    chat = conversation()

    with pytest.raises(CommandError):
        run("conversations", "reopen", chat.uuid, "--yes", "--wait", 0)

    assert log() == []


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("option", ["--messages", "--json", "--raw"])
def test_reading_messages_on_a_command_line_is_logged(option: str) -> None:
    chat = conversation()

    run("conversations", "show", chat.uuid)
    assert log() == []
    run("conversations", "show", chat.uuid, option)

    assert log() == [("read", "conversation", str(chat.pk), {})]


def test_the_projects_command_logs_the_closing_rule_but_not_the_name() -> None:
    project()
    arguments = ("projects", "set", PROJECT, "--timezone", "UTC", "--name", "Ana's shop")

    run(*arguments, "--dry-run")
    assert log() == []
    run(*arguments)
    run(*arguments)

    assert log() == [
        (
            "change",
            "project",
            str(PROJECT),
            {
                "fields": ["name", "timezone"],
                "values": {"timezone": ["America/Sao_Paulo", "UTC"]},
                "moved": 0,
            },
        )
    ]


def test_an_erasure_is_logged_by_the_contacts_hash(queue: ServiceQueue) -> None:
    conversation()

    with pytest.raises(CommandError):
        run("erase", "--contact", URN, "--project", PROJECT, "--yes", "--wait", 0)

    ((action, object_type, object_id, detail),) = log()
    assert (action, object_type) == ("erase", "contact")
    assert object_id == contact_hash(project_uuid=PROJECT, urn=URN)
    assert detail == {"project": str(PROJECT), "erasure": str(Erasure.objects.get().uuid)}
    assert URN not in str(log())


def test_reading_redriving_exporting_and_discarding_dead_letters_is_logged(
    queue: ServiceQueue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = dead_letter()

    run("dlq", "show", letter.pk)
    assert log() == []
    run("dlq", "show", letter.pk, "--body")
    run("dlq", "export", tmp_path / "letters.jsonl")
    with dead_letter_queue_of(queue, monkeypatch):
        run("dlq", "redrive", letter.pk, "--yes")
    run("dlq", "discard", letter.pk, "--all", "--yes", "--export", tmp_path / "last.jsonl")

    assert log() == [
        ("read", "dead letter", str(letter.pk), {}),
        ("export", "dead letter", "", {"count": 1}),
        ("redrive", "dead letter", str(letter.pk), {}),
        ("discard", "dead letter", str(letter.pk), {}),
    ]


def test_the_deletion_of_old_archives_is_logged_with_counts(aws: None) -> None:
    chat = conversation(resolution=Resolution.RESOLVED, ended_at=NOON - timedelta(days=900))
    archive_many(conversation_uuid=chat.uuid, entries=entries(number=3))
    Project.objects.update(archive_retention=timedelta(days=1))

    run("retention", "--dry-run")
    assert log() == []
    run("retention", "--yes")

    assert log() == [("retention", "project", str(PROJECT), {"conversations": 1, "messages": 3})]


def test_retrying_refused_events_is_logged_in_the_admin_and_by_the_command(
    queue: ServiceQueue,
) -> None:
    answer = SurveyAnswer.objects.create(
        project=project(),
        channel_uuid=CHANNEL,
        contact_urn=URN,
        message_id="answer-1",
        key="weni_csat",
        value="5",
        score=5,
        answered_at=NOON,
        sequence_number=1,
    )
    event = OutboxEvent.objects.create(answer=answer, payload={}, created_at=NOON)
    client = operator()

    assert act(client, "analytics_outboxevent", "retry_selected", event) == [
        "1 was not refused, so it is not sent again."
    ]
    OutboxEvent.objects.update(refusal="no such project")
    shown = act(client, "analytics_outboxevent", "retry_selected", event)
    assert shown[-1] == "1 will be sent again within a minute."
    OutboxEvent.objects.update(refusal="no such project")
    run("outbox", "retry")

    assert OutboxEvent.objects.get().refusal == ""
    assert log() == [("retry", "outbox event", str(event.event_id), {})] * 2


def test_reading_a_transcript_is_logged_and_needs_its_permission(settings: Any, aws: None) -> None:
    settings.CONSOLE_ENABLED = True
    chat = conversation()
    url = reverse("admin:conversation_messages_transcript", args=[chat.pk])
    reader = operator("view_conversation", "view_surveyanswer", "view_conversationmessages")

    assert reader.get(url, {"page": "2"}, secure=True).status_code == 200
    assert log() == [("read", "conversation", str(chat.pk), {"page": "2"})]

    User.objects.all().delete()
    other = operator("view_conversation", "view_surveyanswer")
    assert other.get(url, secure=True).status_code == 403
    assert len(log()) == 1


def test_the_log_can_be_filtered_but_not_changed() -> None:
    for name, object_id in (("ana", 1), ("bia", 2)):
        audit.record(
            actor=audit.Actor(name=name, source="admin"),
            action=AuditAction.CLOSE if object_id == 1 else AuditAction.READ,
            of="conversation",
            object_id=UUID(int=object_id),
        )
    client = operator()
    login, second, first = listed(client, LOG)

    assert listed(client, LOG, actor="ana") == [first]
    assert listed(client, LOG, action__exact="read") == [second]
    assert listed(client, LOG, q=str(UUID(int=1))) == [first]
    today = f"{timezone.now():%Y-%m-%d}"
    assert listed(client, LOG, at_from=today, at_to=today) == [login, second, first]
    assert listed(client, LOG, at_to="2020-01-01") == []
    change = reverse(f"admin:{LOG}_change", args=[first.pk])
    assert client.get(change, secure=True).status_code == 200
    assert client.post(change, {"actor": "x"}, secure=True).status_code == 403
    assert client.get(reverse(f"admin:{LOG}_add"), secure=True).status_code == 403
    delete = reverse(f"admin:{LOG}_delete", args=[first.pk])
    assert client.post(delete, {"post": "yes"}, secure=True).status_code == 403


def test_the_history_page_of_an_object_links_to_the_log() -> None:
    chat = conversation()
    client: Client = operator()

    answer = client.get(
        reverse("admin:conversations_conversation_history", args=[chat.pk]), secure=True
    )

    assert answer["Location"] == f"{reverse(f'admin:{LOG}_changelist')}?q={chat.pk}"
