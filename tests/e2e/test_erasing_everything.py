"""After an erasure no place has the contact, except for those that the report names."""

import re
from collections.abc import Iterable
from pathlib import Path

from django.apps import apps

from apps.common.clock import now
from apps.conversations.erasure_models import Erasure
from apps.conversations.models import Conversation, EarlierClosing
from apps.messages.models import DeadLetter
from embedded.network import free_port
from embedded.service import run_manage
from embedded.stack import Stack
from tasks.closing import archive_late_messages
from tasks.deadletters.collect import collect_dead_letters
from tests.e2e.conftest import any_batch_size
from tests.support.builders import PROJECT
from tests.support.everywhere import places_with, tables_with
from tests.support.planting import (
    CONTACT,
    OTHER,
    OTHER_CHANNELS_GROUP,
    OTHERS_LETTERS,
    TRACES,
    Sent,
    first_conversation,
    history_of_another,
    invalid_events,
    later_events,
    letters_behind_others,
)
from tests.support.running_service import Service
from tests.support.stored import every_item, every_row

WITH_CONTACT = {
    "analytics_outboxevent",
    "analytics_surveyanswer",
    "conversation_messages_conversationmessages",
    "conversation_messages_deadletter",
    "conversation_messages_messagedeletion",
    "conversations_attributedevent",
    "conversations_conversation",
    "conversations_span",
}
# These have only the id of a conversation, or nothing of a contact.
WITHOUT_CONTACT = {
    "analytics_dailyrollup",
    "analytics_rollupmark",
    "analytics_rollupstate",
    "analytics_rollupwatch",
    "conversation_messages_producerproblem",
    "conversations_auditentry",
    "conversations_earlierclosing",
    "conversations_erasure",
    "conversations_project",
    "conversations_workerheartbeat",
    "conversations_workerprobe",
}


@any_batch_size
def test_nothing_of_an_erased_contact_is_left_anywhere(
    service: Service, stack: Stack, tmp_path: Path
) -> None:
    plant(service, files=tmp_path)
    assert tables_with(TRACES) == WITH_CONTACT
    assert any("status" in item for item in every_item())
    conversations = conversations_of_contact()
    others = rows_of_another()

    report = manage(service, "erase", "--contact", CONTACT, "--project", str(PROJECT), "--yes")
    search_again()

    found = places_with(
        TRACES,
        sqs=service.sqs,
        queues=[service.queue_url, service.environment["SQS_CONVERSATION_DLQ_URL"]],
        broker=stack.control_url,
        folders=[tmp_path, stack.logs],
    )
    lake = {place for place in found if re.fullmatch(r"file day=.*\.jsonl", place)}
    assert found.keys() - lake == set(), found
    assert lake
    assert "Events of this contact in the data lake: " in report
    assert tables_with(conversations) == {"conversations_auditentry"}
    assert len(every_item()) == 2
    assert rows_of_another() == others
    assert dead_letters_of_another() == OTHERS_LETTERS
    assert len(Erasure.objects.get().contact_hash) == 64

    send_history(service)
    assert len(conversations_of_contact()) == 3


def test_every_table_of_the_service_is_planted_or_has_no_contact() -> None:
    """A new table that may name a contact needs events in tests.support.planting."""
    ours = [
        apps.get_app_config(app) for app in ("analytics", "conversations", "conversation_messages")
    ]
    tables = {model._meta.db_table for app in ours for model in app.get_models()}

    assert tables == WITH_CONTACT | WITHOUT_CONTACT


def plant(service: Service, *, files: Path) -> None:
    """Process the events of the contact and of another one, as the service does."""
    temporary = files / "temporary"
    temporary.mkdir()
    service.environment |= {
        "MESSAGE_STATUSES": "keep",
        "METRICS_PORT": str(free_port()),
        "TMPDIR": str(temporary),
    }
    service.start_worker()
    send_history(service)
    process(service, history_of_another())
    closed = Conversation.objects.get(group_id=OTHER_CHANNELS_GROUP)
    manage(service, "conversations", "reopen", str(closed.uuid), "--yes")
    assert EarlierClosing.objects.exists()
    process(service, invalid_events())
    collect_dead_letters.run()
    process(service, letters_behind_others())
    assert service.dead_letter_count() == OTHERS_LETTERS + 1
    assert list(temporary.iterdir())


def send_history(service: Service) -> None:
    process(service, first_conversation())
    process(service, later_events())


def process(service: Service, events: Iterable[Sent]) -> None:
    for event in events:
        service.send(body=event.body, group=event.group)
    service.wait_until_empty()


def manage(service: Service, *arguments: str) -> str:
    """Run a management command as an operator does. Return its output."""
    run_manage(arguments=arguments, environment=service.environment, logs=service.logs)
    return (service.logs / f"manage-{arguments[0]}.log").read_text()


def search_again() -> None:
    """Do what workers do 15 minutes after the erasure."""
    Erasure.objects.exclude(search_at=None).update(search_at=now())
    archive_late_messages.run()


def conversations_of_contact() -> list[str]:
    found = Conversation.objects.exclude(contact_urn=OTHER)
    return [str(uuid) for uuid in found.values_list("uuid", flat=True)]


def rows_of_another() -> list[str]:
    """Return the rows that name the other contact, except for dead letters."""
    tables = every_row()
    del tables["conversation_messages_deadletter"]
    return [row for rows in tables.values() for row in rows if OTHER in row]


def dead_letters_of_another() -> int:
    return DeadLetter.objects.filter(contact_urn=OTHER).count()
