"""The events of one contact that leave traces in every table, queue and file.

The contact writes on two channels, with each form of its identity that producers send, and events
that cannot be read are among its own and among those of others.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from tests.support.builders import (
    CHANNEL,
    NAME,
    PROJECT,
    WINDOW_NAME,
    close_body,
    deletion_body,
    message_body,
    status_body,
    survey_body,
    window_body,
)
from tests.support.erasures import OTHER_CHANNEL

# A number, so that a producer may send it as a number in JSON.
CONTACT = "5584996765969"
# A group id with a whole SHA-256 would be longer than SQS accepts.
HASH = hashlib.sha256(CONTACT.encode()).hexdigest()[:32]
SECRET = "my parcel to Sobradinho has a dent"
# What identifies the contact, and what the contact wrote.
TRACES = (CONTACT, HASH, SECRET, NAME, WINDOW_NAME)

GROUP = f"{PROJECT}:{CHANNEL}:{CONTACT}"
HASHED_GROUP = f"{PROJECT}:{CHANNEL}:{HASH}"
OTHER_CHANNELS_GROUP = f"{PROJECT}:{OTHER_CHANNEL}:{CONTACT}"

OTHER = "telegram:2002"
OTHERS_GROUP = f"{PROJECT}:{CHANNEL}:{OTHER}"
# More than the ten messages that SQS returns from a group at once.
OTHERS_LETTERS = 12


@dataclass(frozen=True, slots=True)
class Sent:
    """The body of an event, and the message group in which it is sent."""

    body: str
    group: str = GROUP


def first_conversation() -> Iterator[Sent]:
    """Yield the events of a closed conversation, and an answer that belongs to none."""
    yield Sent(_answer("early", key="comment", value=f"{SECRET}, {CONTACT}", text=SECRET))
    yield Sent(_message("m-1"))
    yield Sent(_message("m-1", text=f"{SECRET}!"))
    yield Sent(message_body(event_type="message.sent", urn=CONTACT, message={"id": "m-2"}))
    yield Sent(window_body(urn=CONTACT))
    yield Sent(close_body(urn=CONTACT))


def later_events() -> Iterator[Sent]:
    """Yield the events of an open conversation in two groups, and of a closed one elsewhere.

    The latter is on another channel. One deletion waits for its message.
    """
    yield Sent(_message("m-3", text=SECRET + " " * 700_000))
    yield Sent(_message("m-4"), HASHED_GROUP)
    yield Sent(_message("m-5", urn=int(CONTACT)))
    yield Sent(_message("m-6", urn=f" {CONTACT} "))
    # After the event of the other group, which may run first and open the conversation: statuses
    # from before the opening are dropped.
    yield Sent(status_body(message_id="m-6", urn=CONTACT))
    yield Sent(_answer("csat", key="weni_csat", value="2"))
    yield Sent(_answer("form", key="comment", value=SECRET, text=SECRET))
    yield Sent(deletion_body(message_id="m-1", urn=CONTACT))
    yield Sent(deletion_body(message_id="unknown", urn=CONTACT))
    yield Sent(_message("m-7", channel_uuid=str(OTHER_CHANNEL)), OTHER_CHANNELS_GROUP)
    takeover = {"channel_uuid": str(OTHER_CHANNEL), "has_chats_room": True}
    yield Sent(window_body(urn=CONTACT, data=takeover), OTHER_CHANNELS_GROUP)


def invalid_events() -> Iterator[Sent]:
    """Yield events of the contact that become dead letters, in groups of its own and of others."""
    body = _message("bad")
    yield Sent(f"{SECRET}")
    yield Sent(body[:-2])
    yield Sent(body[:-2], "a-group")
    yield Sent(_message("bad", urn=[CONTACT]), "a-group")
    yield Sent(_message("bad", urn={"urn": CONTACT}), HASHED_GROUP)
    yield Sent(json.dumps({"contact_urn": CONTACT, "text": SECRET}), "a-group")
    yield Sent(message_body(event_type="unknown", urn=CONTACT, message={"text": SECRET}))
    yield Sent(message_body(event_type="unknown", data={"contact_urn": int(CONTACT)}))
    yield Sent(json.dumps({"Type": "Notification", "Message": body}), "a-topic")


def letters_behind_others() -> Iterator[Sent]:
    """Yield invalid events of another contact, and one of the contact behind them."""
    for number in range(OTHERS_LETTERS):
        body = message_body(event_type="unknown", urn=OTHER, message=_of_other(f"x-{number}"))
        yield Sent(body, OTHERS_GROUP)
    yield Sent(_message("bad")[:-2], OTHERS_GROUP)


def history_of_another() -> Iterator[Sent]:
    """Yield the events of another contact of the project."""
    yield Sent(message_body(urn=OTHER, message=_of_other("o-1")), OTHERS_GROUP)
    yield Sent(close_body(urn=OTHER), OTHERS_GROUP)
    yield Sent(message_body(urn=OTHER, message=_of_other("o-2")), OTHERS_GROUP)
    yield Sent(survey_body(urn=OTHER, message={"contact_name": "Caio Prado"}), OTHERS_GROUP)


def _of_other(message_id: str) -> dict[str, str]:
    return {"id": message_id, "text": "good morning", "contact_name": "Caio Prado"}


def _message(message_id: str, *, text: str = SECRET, urn: object = CONTACT, **data: object) -> str:
    return message_body(message={"id": message_id, "text": text}, data={"contact_urn": urn, **data})


def _answer(message_id: str, *, key: str, value: str, text: str = "") -> str:
    source = "incoming" if text else "system"
    message = {"id": message_id, "text": text, "source": source}
    return survey_body(urn=CONTACT, key=key, value=value, message=message)
