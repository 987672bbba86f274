"""Which dead letters are a contact's, whether their bodies can be read or not."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest

from apps.common.lossless_json import escape
from apps.conversations.erasing import group_hash
from apps.messages.contact_letters import ContactLetters
from apps.messages.dead_letter_format import letter_of
from celery_sqs_fifo import PLACE
from tests.support.builders import CHANNEL, NOON, PROJECT, URN, close_body, message_body

OTHER = "telegram:2002"
ANOTHER_PROJECT = "11111111-2222-4333-8444-555555555555"
GROUP = f"{PROJECT}:{CHANNEL}:{URN}"
ELSEWHERE = "a-group"
CUT_OFF = message_body()[:-2]


def is_theirs(
    body: str,
    *,
    urn: str = URN,
    group: str = ELSEWHERE,
    attributes: Mapping[str, Any] | None = None,
    known_groups: tuple[str, ...] = (),
) -> bool:
    """Return whether a dead letter with this body is a letter of the contact."""
    message = {
        "MessageId": "m",
        "Body": body,
        "Attributes": {
            "SentTimestamp": "1",
            "SequenceNumber": "1",
            "MessageGroupId": group,
            "ApproximateReceiveCount": "1",
        },
        "MessageAttributes": attributes or {},
    }
    rule = ContactLetters(
        project_uuid=PROJECT, urn=escape(urn), group_hashes=[*map(group_hash, known_groups)]
    )
    return rule.include(letter_of(message, now=NOON))


def text(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}


@pytest.mark.parametrize(
    "body",
    [
        message_body(),
        message_body(event_type="unknown"),
        message_body(data={"project_uuid": str(PROJECT).upper()}),
        message_body(data={"channel_uuid": None}),
        message_body(urn=f" {URN} "),
        close_body(),
        json.dumps({"data": {"project_uuid": str(PROJECT), "contact_urn": URN, "x": "\0"}}),
    ],
)
def test_a_letter_that_names_the_contact_is_theirs_in_any_group(body: str) -> None:
    assert is_theirs(body)


@pytest.mark.parametrize("urn", [5584996765969, " 5584996765969 ", "5584996765969"])
def test_a_urn_that_is_a_number_or_has_blanks_names_the_contact(urn: object) -> None:
    assert is_theirs(message_body(data={"contact_urn": urn}), urn="5584996765969")
    assert not is_theirs(message_body(data={"contact_urn": urn}), urn="558499676596")


@pytest.mark.parametrize("group", [GROUP, ELSEWHERE])
@pytest.mark.parametrize(
    "body",
    [
        message_body(urn=OTHER),
        message_body(urn=OTHER, message={"text": f"call {URN}"}),
        message_body(data={"project_uuid": ANOTHER_PROJECT}),
    ],
)
def test_a_letter_that_names_another_contact_is_not_theirs_in_any_group(
    body: str, group: str
) -> None:
    assert not is_theirs(body, group=group, known_groups=(GROUP,))


UNREADABLE = {
    "cut off": CUT_OFF,
    "a nil project": message_body(data={"project_uuid": str(UUID(int=0))}),
    "a URN in a list": message_body(data={"contact_urn": [URN]}),
    "a URN in an object": message_body(data={"contact_urn": {"urn": URN}}),
    "no data": json.dumps({"contact_urn": URN, "project_uuid": str(PROJECT)}),
    "an envelope": json.dumps({"Type": "Notification", "Message": message_body()}),
    "an envelope that is cut off": json.dumps({"Message": message_body()})[:-2],
    "two envelopes": json.dumps({"Message": json.dumps({"Message": message_body()})}),
    "a form": f"contact_urn={quote(URN)}&text=hello",
    "a task of Celery": base64.b64encode(json.dumps({"body": message_body()}).encode()).decode(),
    "an escape": CUT_OFF.replace("telegram", "\\u0074elegram"),
    "a line end before it": json.dumps(f"\n{URN}\n"),
    "the end of a sentence": f"failed for {URN}.",
    "not JSON": f"<contact>{URN}</contact>",
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_an_unreadable_letter_with_the_urn_is_theirs_in_any_group(body: str) -> None:
    assert is_theirs(body)


@pytest.mark.parametrize(
    "body",
    [
        CUT_OFF.replace(URN, f"{URN}9"),
        CUT_OFF.replace(URN, f"my{URN}"),
        CUT_OFF.replace(URN, f"{URN}.example"),
        CUT_OFF.replace(URN, OTHER),
        "not JSON",
        "",
    ],
)
def test_an_unreadable_letter_without_the_whole_urn_is_not_theirs(body: str) -> None:
    assert not is_theirs(body)


@pytest.mark.parametrize("urn", ["ext:josé núñez", 'a"b\\c', "ext:😀", "tel:+55(84)", "a\0b"])
def test_a_urn_with_any_characters_is_found(urn: str) -> None:
    for body in (message_body(urn=urn), json.dumps({"Message": message_body(urn=urn)})):
        assert is_theirs(body, urn=urn)
        assert is_theirs(body[:-2], urn=urn)
        assert not is_theirs(body[:-2], urn="telegram:2")


@pytest.mark.parametrize("body", ["not JSON", "[]", '{"data": null}', "[" * 9_999])
@pytest.mark.parametrize("digits", [16, 32, 43])
def test_an_unreadable_letter_is_theirs_by_a_group_id_of_the_contracts_form(
    body: str, digits: int
) -> None:
    hashed = hashlib.sha256(URN.encode()).hexdigest()[:digits]

    assert is_theirs(body, group=GROUP)
    assert is_theirs(body, group=f"{PROJECT}:{CHANNEL}:{hashed}")
    assert not is_theirs(body, group=f"{PROJECT}:{CHANNEL}:{OTHER}")
    assert not is_theirs(body, group=f"{ANOTHER_PROJECT}:{CHANNEL}:{URN}")


def test_an_unreadable_letter_is_theirs_by_a_group_in_which_the_contact_was_seen() -> None:
    assert is_theirs("not JSON", group="any", known_groups=("any",))
    assert not is_theirs("not JSON", group="any", known_groups=("other",))


def test_an_unreadable_letter_is_theirs_by_the_group_that_the_worker_noted() -> None:
    place = {PLACE: text(f"{int(NOON.timestamp()) * 1000:013d}-{1:039d}-{GROUP}")}

    assert is_theirs("not JSON", group="of-a-redrive", attributes=place)


def test_an_unreadable_letter_is_theirs_by_its_attributes() -> None:
    binary = {"DataType": "Binary", "BinaryValue": URN.encode() + b"\xff"}

    assert is_theirs("not JSON", attributes={"contact": text(URN)})
    assert is_theirs("not JSON", attributes={"contact": binary})


@pytest.mark.parametrize(
    "letter",
    [
        {"body": CUT_OFF.replace(str(PROJECT), ANOTHER_PROJECT)},
        {"body": f"failed: {URN}", "attributes": {"project_uuid": text(ANOTHER_PROJECT)}},
        {"body": f"failed: {URN}", "group": f"{ANOTHER_PROJECT}:{CHANNEL}:{OTHER}"},
        {"body": message_body(data={"project_uuid": ANOTHER_PROJECT, "contact_urn": [URN]})},
    ],
)
def test_an_unreadable_letter_that_names_another_project_is_not_theirs(
    letter: dict[str, Any],
) -> None:
    assert not is_theirs(**letter)
