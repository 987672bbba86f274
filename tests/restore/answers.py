"""Adds survey answers with a text to a stream of events, whose own answers have none.

DynamoDB has the text of such an answer, so the answer must not be lost.
"""

import json
from collections.abc import Iterable, Iterator

from testbed.traffic import bodies
from testbed.traffic.events import Answer, Contact, JsonObject, Message, PlannedEvent

ANSWER_WITH_TEXT = "survey answer with a text"
_EVENTS_PER_ANSWER = 15
# Above the numbers of the stream.
_FIRST_NUMBER = 100_000_000
_VALUE = "5"


def with_answers(stream: Iterable[PlannedEvent]) -> Iterator[PlannedEvent]:
    """Yield the events of a stream and, in between, a message and an answer of a new contact."""
    number = _FIRST_NUMBER
    for event in stream:
        yield event
        if event.number % _EVENTS_PER_ANSWER == 0:
            yield from _answered(event, number=number)
            number += 2


def _answered(event: PlannedEvent, *, number: int) -> Iterator[PlannedEvent]:
    before = event.contact
    contact = Contact(
        project=before.project, channel=before.channel, urn=f"whatsapp:answering{number}"
    )
    first, second = f"a-{number}", f"a-{number + 1}"
    message = Message(message_id=first, created_at=None, conversation=1, opens=True)
    body = bodies.message(
        contact=contact,
        correlation_id=first,
        event_type="message.received",
        fields={"id": first, "text": "Thank you."},
    )
    yield _planned(event, number=number, contact=contact, body=body, effect=message)
    answer = Answer(
        message_id=second, key="weni_csat", value=_VALUE, score=int(_VALUE), conversation=1
    )
    body = bodies.answer(contact=contact, correlation_id=second, answer=answer, value=_VALUE)
    body["data"]["message"] |= {"text": _VALUE, "source": "incoming"}
    yield _planned(
        event, number=number + 1, contact=contact, body=body, effect=answer, kind=ANSWER_WITH_TEXT
    )


def _planned(
    event: PlannedEvent,
    *,
    number: int,
    contact: Contact,
    body: JsonObject,
    effect: Message | Answer,
    kind: str = "message.received",
) -> PlannedEvent:
    return PlannedEvent(
        number=number,
        at=event.at,
        contact=contact,
        group_id=contact.group_id,
        deduplication_id=str(number),
        body=json.dumps(body),
        effect=effect,
        kind=kind,
    )
