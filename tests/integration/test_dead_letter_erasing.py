"""The dead letters of an erased contact are deleted; all others are there as they were."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tasks.deadletters import erase
from tasks.deadletters.erase import Search, erase_dead_letters
from testbed.sqs import SqsServer
from testbed.sqs.fifo import Fifo, client_of
from tests.support.builders import PROJECT, URN, close_body, message_body, numbered_message
from tests.support.erasures import group_of

GROUP = group_of()
OTHER = "telegram:2002"
OTHERS_GROUP = group_of(urn=OTHER)


@pytest.fixture(params=["strict", "moto"])
def dead_letters(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> Fifo:
    """The dead-letter queue, on each of the servers."""
    if request.param == "strict":
        server: SqsServer = request.getfixturevalue("strict_sqs")
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", server.url)
        queue = Fifo(client=client_of(server.url), server=server)
    else:
        queue = Fifo(client=request.getfixturevalue("sqs"), server=None)
    settings.SQS_CONVERSATION_DLQ_URL = queue.url
    return queue


def search() -> Search:
    """For those of the default contact."""
    return erase_dead_letters(project_uuid=PROJECT, urn=URN, group_ids={GROUP})


def left(queue: Fifo) -> list[str]:
    """The bodies that can be received, in their order."""
    bodies: list[str] = []
    while found := queue.receive():
        for message in found:
            bodies.append(message["Body"])
            queue.delete(message)
    return bodies


def test_those_of_the_contact_are_deleted_and_all_others_can_be_received_at_once(
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

    assert search() == Search(deleted=0, unseen=0, complete=True)

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
def test_a_body_that_names_the_contact_is_theirs_in_any_group(
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
@pytest.mark.parametrize("told", [False, True], ids=["by its group", "by its attribute"])
def test_a_body_that_names_nobody_is_theirs_by_its_group(
    dead_letters: Fifo, body: str, told: bool
) -> None:
    attribute = {"group_id": {"DataType": "String", "StringValue": GROUP}} if told else {}
    group = "of-a-redrive" if told else GROUP
    dead_letters.send(body, MessageGroupId=group, MessageAttributes=attribute)
    dead_letters.send(body, MessageGroupId=OTHERS_GROUP)

    assert search().deleted == 1

    assert left(dead_letters) == [body]


def test_a_body_that_names_another_contact_is_not_theirs_though_it_shares_their_group(
    dead_letters: Fifo,
) -> None:
    other = message_body(urn=OTHER)
    dead_letters.send(other, MessageGroupId=GROUP)
    dead_letters.send(message_body(), MessageGroupId=GROUP)

    assert search() == Search(deleted=1, unseen=0, complete=True)

    assert left(dead_letters) == [other]


def test_those_that_stand_behind_ten_others_of_their_group_are_told_and_kept(
    dead_letters: Fifo,
) -> None:
    others = [message_body(urn=OTHER, message={"id": f"m-{number}"}) for number in range(10)]
    for body in [*others, message_body()]:
        dead_letters.send(body, MessageGroupId="shared")

    assert search() == Search(deleted=0, unseen=1, complete=True)

    assert left(dead_letters) == [*others, message_body()]


def test_a_search_holds_no_more_than_it_may(
    dead_letters: Fifo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erase, "MOST_HELD", 10)
    others = [message_body(urn=OTHER, message={"id": f"m-{number}"}) for number in range(15)]
    for number, body in enumerate(others):
        dead_letters.send(body, MessageGroupId=f"{number}")

    assert search() == Search(deleted=0, unseen=5, complete=False)

    assert sorted(left(dead_letters)) == sorted(others)


def test_a_search_that_fails_gives_back_what_it_holds(
    dead_letters: Fifo, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [message_body(urn=OTHER, message={"id": f"m-{number}"}) for number in range(3)]
    for body in others:
        dead_letters.send(body, MessageGroupId=OTHERS_GROUP)
    refusal = ClientError({"Error": {"Code": "AccessDenied"}}, "DeleteMessageBatch")

    def refuse(*_arguments: Any) -> None:
        raise refusal

    monkeypatch.setattr(erase, "_delete", refuse)
    with pytest.raises(ClientError):
        search()

    assert left(dead_letters) == others


def test_what_sqs_does_not_delete_is_not_counted_and_is_given_back(
    strict_sqs: SqsServer, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", strict_sqs.url)
    queue = Fifo(client=client_of(strict_sqs.url), server=strict_sqs)
    settings.SQS_CONVERSATION_DLQ_URL = queue.url
    for number in range(3):
        queue.send(numbered_message(number), MessageGroupId=GROUP)
    strict_sqs.fail_entries(
        status=500, code="InternalError", count=1, actions=["DeleteMessageBatch"]
    )

    try:
        assert search() == Search(deleted=0, unseen=0, complete=False)
    finally:
        strict_sqs.clear_faults()

    assert left(queue) == [numbered_message(number) for number in range(3)]
