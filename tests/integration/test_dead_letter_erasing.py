"""The dead letters of an erased contact are deleted; all others stay unchanged."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from apps.common.errors import Unavailable
from apps.conversations.erasing import GROUP_OF_CONTACTS_WITHOUT_CONVERSATIONS
from apps.messages.dead_letter_format import letter_of
from apps.messages.erasing import ContactsLetters, delete_dead_letters
from embedded.stack import Stack
from tasks.deadletters import erase
from tasks.deadletters.erase import SearchResult, erase_dead_letters
from testbed.sqs import SqsServer
from testbed.sqs.fifo import Fifo, client_of
from tests.support.builders import (
    CHANNEL,
    NOON,
    PROJECT,
    URN,
    close_body,
    message_body,
    numbered_message,
)
from tests.support.endpoints import endpoint
from tests.support.erasures import group_of

GROUP = group_of()
OTHER = "telegram:2002"
OTHERS_GROUP = group_of(urn=OTHER)


@pytest.fixture(params=["strict", "moto"])
def dead_letters(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> Iterator[Fifo]:
    """The dead-letter queue, on each of the servers."""
    if request.param == "strict":
        server: SqsServer = request.getfixturevalue("strict_sqs")
        url, queue = server.url, Fifo(client=client_of(server.url), server=server)
    else:
        stack: Stack = request.getfixturevalue("stack")
        url, queue = (
            stack.moto_url,
            Fifo(client=request.getfixturevalue("sqs"), server=None),
        )
    settings.SQS_CONVERSATION_DLQ_URL = queue.url
    with endpoint("sqs", url, monkeypatch=monkeypatch):
        yield queue


def search() -> SearchResult:
    """For those of the default contact."""
    return erase_dead_letters(project_uuid=PROJECT, urn=URN, group_ids={GROUP})


def left(queue: Fifo) -> list[str]:
    """Return the bodies that can be received, in order."""
    bodies: list[str] = []
    while found := queue.receive():
        for message in found:
            bodies.append(message["Body"])
            queue.delete(message)
    return bodies


def test_letters_of_the_contact_are_deleted_and_all_others_are_visible_at_once(
    dead_letters: Fifo,
) -> None:
    others = [message_body(urn=OTHER, message={"id": f"m-{number}"}) for number in range(25)]
    elsewhere = message_body(data={"project_uuid": "11111111-2222-4333-8444-555555555555"})
    for number, body in enumerate(others):
        dead_letters.send(body, MessageGroupId=f"{OTHERS_GROUP}:{number // 8}")
        dead_letters.send(numbered_message(number), MessageGroupId=GROUP)
    dead_letters.send(elsewhere, MessageGroupId="elsewhere")

    found = search()
    assert (found.deleted, found.complete) == (25, True)

    assert sorted(left(dead_letters)) == sorted([*others, elsewhere])


def test_the_order_within_a_group_stays(dead_letters: Fifo) -> None:
    others = [message_body(urn=OTHER, message={"id": f"m-{number}"}) for number in range(5)]
    for body in others:
        dead_letters.send(body, MessageGroupId=OTHERS_GROUP)

    assert search() == SearchResult(deleted=0, unseen=0, complete=True)

    assert left(dead_letters) == others


@pytest.mark.parametrize(
    "body",
    [
        message_body(),
        message_body(data={"project_uuid": str(PROJECT).upper()}),
        close_body(),
        json.dumps({"data": {"project_uuid": str(PROJECT), "contact_urn": URN, "x": "\0"}}),
    ],
)
def test_a_body_that_names_the_contact_belongs_to_them_in_any_group(
    dead_letters: Fifo, body: str
) -> None:
    dead_letters.send(body, MessageGroupId="a-group-of-its-own")

    assert search().deleted == 1


@pytest.mark.parametrize(
    "body",
    [
        "not JSON",
        "[]",
        '"text"',
        "{}",
        '{"data": null}',
        '{"data": {"project_uuid": 5}}',
        "[" * 9999,
    ],
    ids=lambda body: body[:9],
)
@pytest.mark.parametrize("has_attribute", [False, True], ids=["by its group", "by its attribute"])
def test_a_body_that_names_no_contact_belongs_to_the_contact_of_its_group(
    dead_letters: Fifo, body: str, has_attribute: bool
) -> None:
    attribute = {"group_id": {"DataType": "String", "StringValue": GROUP}} if has_attribute else {}
    group = "of-a-redrive" if has_attribute else GROUP
    dead_letters.send(body, MessageGroupId=group, MessageAttributes=attribute)
    dead_letters.send(body, MessageGroupId=OTHERS_GROUP)

    assert search().deleted == 1

    assert left(dead_letters) == [body]


BODIES = {
    "names the contact": message_body(),
    "names another contact": message_body(urn=OTHER),
    "names another project": message_body(data={"project_uuid": str(CHANNEL)}),
    "names a project only": json.dumps({"data": {"project_uuid": str(PROJECT)}}),
    "names a contact only": json.dumps({"data": {"contact_urn": URN}}),
    "names no contact": json.dumps({"data": {"project_uuid": str(PROJECT), "contact_urn": ""}}),
    "not JSON": "not JSON",
}
GROUPS = {
    "of the contact": (GROUP, ""),
    "of another": (OTHERS_GROUP, ""),
    "of the contact, noted by the worker": ("by-hand", GROUP),
    "of another, noted by the worker": (GROUP, OTHERS_GROUP),
    "no group that SQS takes": (GROUP, "x" * 129),
    "of all contacts without conversations": (GROUP_OF_CONTACTS_WITHOUT_CONVERSATIONS, ""),
}


@pytest.mark.django_db
@pytest.mark.parametrize("group", GROUPS.values(), ids=GROUPS)
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_the_rule_is_the_same_on_the_queue_and_in_postgresql(
    body: str, group: tuple[str, str]
) -> None:
    of_message, noted = group
    message = {
        "MessageId": "m",
        "Body": body,
        "Attributes": {
            "SentTimestamp": "1",
            "SequenceNumber": "1",
            "MessageGroupId": of_message,
            "ApproximateReceiveCount": "1",
        },
        "MessageAttributes": {"group_id": {"DataType": "String", "StringValue": noted}},
    }
    groups = {GROUP, GROUP_OF_CONTACTS_WITHOUT_CONVERSATIONS}
    theirs = ContactsLetters(project_uuid=PROJECT, urn=URN, group_ids=groups)
    names_nobody = body not in list(BODIES.values())[:3]
    is_from_group = (noted or of_message) == GROUP or len(noted) > 128
    expected = body == message_body() or (names_nobody and is_from_group)

    letter = letter_of(message, now=NOON)
    assert theirs.include(letter) is expected

    letter.save()
    assert delete_dead_letters(theirs) == (1 if expected else 0)


def test_a_body_that_names_another_contact_does_not_belong_to_them_in_the_same_group(
    dead_letters: Fifo,
) -> None:
    other = message_body(urn=OTHER)
    dead_letters.send(other, MessageGroupId=GROUP)
    dead_letters.send(message_body(), MessageGroupId=GROUP)

    assert search() == SearchResult(deleted=1, unseen=0, complete=True)

    assert left(dead_letters) == [other]


def test_letters_after_ten_others_of_their_group_are_reported_and_kept(
    dead_letters: Fifo,
) -> None:
    others = [message_body(urn=OTHER, message={"id": f"m-{number}"}) for number in range(10)]
    for body in [*others, message_body()]:
        dead_letters.send(body, MessageGroupId="shared")

    assert search() == SearchResult(deleted=0, unseen=1, complete=True)

    assert left(dead_letters) == [*others, message_body()]


def test_a_search_holds_a_bounded_number_of_letters(
    dead_letters: Fifo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erase, "MAX_HELD", 10)
    others = [message_body(urn=OTHER, message={"id": f"m-{number}"}) for number in range(15)]
    for number, body in enumerate(others):
        dead_letters.send(body, MessageGroupId=f"{number}")

    assert search() == SearchResult(deleted=0, unseen=5, complete=False)

    assert sorted(left(dead_letters)) == sorted(others)


def test_a_failed_search_makes_its_letters_visible_again(
    dead_letters: Fifo, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [message_body(urn=OTHER, message={"id": f"m-{number}"}) for number in range(3)]
    for body in others:
        dead_letters.send(body, MessageGroupId=OTHERS_GROUP)

    def refuse(*_arguments: Any) -> None:
        raise Unavailable("SQS", "AccessDenied")

    monkeypatch.setattr(erase, "delete", refuse)
    with pytest.raises(Unavailable):
        search()

    assert left(dead_letters) == others


def test_a_letter_that_sqs_does_not_delete_is_not_counted_and_becomes_visible_again(
    strict_sqs: SqsServer, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    queue = Fifo(client=client_of(strict_sqs.url), server=strict_sqs)
    settings.SQS_CONVERSATION_DLQ_URL = queue.url
    for number in range(3):
        queue.send(numbered_message(number), MessageGroupId=GROUP)
    strict_sqs.fail_entries(
        status=500, code="InternalError", count=1, actions=["DeleteMessageBatch"]
    )

    try:
        with endpoint("sqs", strict_sqs.url, monkeypatch=monkeypatch):
            assert search() == SearchResult(deleted=0, unseen=0, complete=False)
    finally:
        strict_sqs.clear_faults()

    assert left(queue) == [numbered_message(number) for number in range(3)]
