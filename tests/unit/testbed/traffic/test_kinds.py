"""The day and the stream have the events that are hard to attribute, with the right effects."""

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest

from apps.messages.events import MessageEvent
from apps.messages.reading import parse_event
from testbed.traffic.day import generate_day
from testbed.traffic.events import Answer, Closing, Contact, Message, PlannedEvent, Trait, Window
from testbed.traffic.generator import Generator, Mix
from testbed.traffic.kinds import EventKind
from testbed.traffic.stream import Stream
from testbed.traffic.texts import sentence
from tests.support.builders import place

START = datetime(2026, 3, 14, 8, tzinfo=UTC)


def day() -> list[PlannedEvent]:
    return generate_day(events=2_000, seed=5, day=START.date()).all_events


def stream() -> list[PlannedEvent]:
    generated = Stream(seed=5, start=START, rate=50, redriven=4, reopened=2)
    return [*generated.earlier, *islice(generated, 8_000), *generated.after_reopening]


@pytest.fixture(scope="module", params=[day, stream])
def events(request: pytest.FixtureRequest) -> list[PlannedEvent]:
    generated: list[PlannedEvent] = request.param()
    return generated


Conversations = dict[tuple[Any, int], list[dict[str, Any]]]


def messages(events: list[PlannedEvent]) -> Iterator[tuple[PlannedEvent, dict[str, Any]]]:
    for event in events:
        if isinstance(event.effect, Message) and event.contact.is_certain:
            yield event, json.loads(event.body)


def by_conversation(events: list[PlannedEvent]) -> Conversations:
    """Return the documents of messages by contact and number of conversation."""
    found: Conversations = defaultdict(list)
    for event, document in messages(events):
        assert isinstance(event.effect, Message)
        found[event.contact, event.effect.conversation or 0].append(document)
    return found


def names(documents: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(one["event_type"], one["data"]["message"]["id"]) for one in documents}


def test_a_late_edit_is_a_message_of_the_next_conversation(events: list[PlannedEvent]) -> None:
    conversations = by_conversation(events)
    late = [each for each in messages(events) if each[0].kind == "late edit"]

    assert len(late) > 3
    for event, document in late:
        assert isinstance(event.effect, Message)
        number = event.effect.conversation or 0
        (name,) = names([document])
        assert name in names(conversations[event.contact, number])
        assert name in names(conversations[event.contact, number - 1])


def test_some_texts_are_edited_and_edited_back_by_events_of_their_own(
    events: list[PlannedEvent],
) -> None:
    texts: dict[Any, list[str]] = defaultdict(list)
    correlation_ids: dict[Any, set[str]] = defaultdict(set)
    for event, document in messages(events):
        if event.contact.trait is not Trait.WEB:
            key = (event.contact, document["data"]["message"]["id"], event.effect)
            texts[key[:2]].append(document["data"]["message"]["text"])
            correlation_ids[key[:2]].add(document["correlation_id"])

    back = [key for key, (first, *later) in texts.items() if {first} < {*later} and first in later]
    assert any(len(correlation_ids[key]) >= 3 for key in back)


def test_ids_of_web_chats_begin_anew_in_each_conversation_and_direction(
    events: list[PlannedEvent],
) -> None:
    conversations = by_conversation(events)
    web = [names(each) for key, each in conversations.items() if key[0].trait is Trait.WEB]

    assert len(web) > 5
    assert sum(("message.received", "1") in each for each in web) > 3
    assert any({("message.received", "1"), ("message.sent", "1")} <= each for each in web)


def test_forms_have_answers_of_every_key_with_one_id(events: list[PlannedEvent]) -> None:
    keys: dict[Any, list[str]] = defaultdict(list)
    for event in events:
        if isinstance(event.effect, Answer) and event.contact.trait is not Trait.WEB:
            keys[event.contact, event.effect.message_id].append(event.effect.key)

    assert {"weni_csat", "weni_nps", "order_status"} in [{*each} for each in keys.values()]
    assert all(len(each) == len({*each}) for each in keys.values())


def test_scores_and_values_without_one_are_sent_in_several_forms(
    events: list[PlannedEvent],
) -> None:
    """The service itself must agree on what is recorded, with and without a score."""
    forms: dict[bool, list[Any]] = {True: [], False: []}
    for event in events:
        if not isinstance(event.effect, Answer) or event.effect.key == "order_status":
            continue
        read = parse_event(body=event.body, place=place())
        assert isinstance(read, MessageEvent)
        assert read.answer
        found = (read.answer.value, read.answer.score, bool(read.answer.problem))
        assert found == (event.effect.value, event.effect.score, event.effect.unscorable)
        forms[event.effect.unscorable].append(json.loads(event.body)["data"]["value"])

    assert {type(sent) for sent in forms[False]} == {int, float, str}
    assert any(not str(sent).isascii() for sent in forms[False])
    assert len(set(map(str, forms[True]))) > 2


def test_no_answer_of_a_conversation_has_the_id_and_key_of_another(
    events: list[PlannedEvent],
) -> None:
    """An answer that is sent again would be a repeat, which the effects do not know."""
    found = [
        (event.contact, event.effect.conversation, event.effect.key, event.effect.message_id)
        for event in events
        if isinstance(event.effect, Answer)
    ]

    assert len(found) == len({*found})


def test_some_messages_have_attachments_besides_their_text(events: list[PlannedEvent]) -> None:
    fields = [document["data"]["message"] for _, document in messages(events)]

    assert any(one.get("attachments") and one["text"] for one in fields)
    assert any("reactions" in one for one in fields)


def test_clocks_are_off_by_two_days_to_a_hundred_years(events: list[PlannedEvent]) -> None:
    stamps = [document["data"]["message"]["created_at"] for _, document in messages(events)]
    times = [datetime.fromisoformat(stamp) for stamp in stamps]

    assert min(times).year == 1
    assert any(at.year == 1970 for at in times)
    assert any(timedelta(days=1) < START - at < timedelta(days=3) for at in times)
    assert any(timedelta(days=36_000) < at - START < timedelta(days=37_000) for at in times)
    assert any(at.microsecond == 0 for at in times)
    assert len({*times}) < len(times)


def test_a_stamp_that_is_not_plausible_has_the_time_of_sending(events: list[PlannedEvent]) -> None:
    """The day of the demo is yesterday, so the queue time is at least START."""
    for event, document in messages(events):
        assert isinstance(event.effect, Message)
        stamped = datetime.fromisoformat(document["data"]["message"]["created_at"])
        is_plausible = stamped.year >= 2000 and stamped < START + timedelta(days=1.5)
        assert bool(event.effect.created_at) is is_plausible


def test_a_clock_that_is_far_ahead_is_never_plausible() -> None:
    mix = Mix(
        kinds={EventKind.RECEIVED: 1}, events_per_invalid=1_000, text=sentence, unlucky_share=1.0
    )
    contact = Contact(project="p", channel="c", urn="u", name="Ana Souza")
    generated = Generator(
        seed=1, start=START, rate=1, contacts=[contact], zones={"p": "UTC"}, mix=mix
    )
    for _, document in messages(list(islice(generated, 200))):
        stamped = datetime.fromisoformat(document["data"]["message"]["created_at"])
        assert stamped.year < 2000 or stamped > START + timedelta(days=1.5)


def test_redriven_events_are_sent_first_and_their_effects_need_no_order_of_processing(
    events: list[PlannedEvent],
) -> None:
    redriven = [event for event in events if event.is_redriven]
    earlier = [event for event in events if event.at <= 0 and event.contact.trait is Trait.REDRIVEN]

    assert {event.number for event in redriven} < {event.number for event in earlier}
    assert not [one for one in redriven if isinstance(one.effect, Closing | Window)]
    assert not [one for one in earlier if isinstance(one.effect, Message) and one.effect.opens]
    for event in redriven:
        if isinstance(event.effect, Answer):
            others = [
                one
                for one in events
                if one.contact == event.contact
                and isinstance(one.effect, Answer)
                and one.effect.conversation == event.effect.conversation
            ]
            assert others == [event]


def test_reopened_conversations_have_one_message_before_their_close_and_one_after_it(
    events: list[PlannedEvent],
) -> None:
    of_contact: dict[Any, list[PlannedEvent]] = defaultdict(list)
    for event in events:
        if event.contact.trait is Trait.REOPENED:
            of_contact[event.contact].append(event)

    assert of_contact
    for first, close, last in of_contact.values():
        assert isinstance(first.effect, Message)
        assert isinstance(last.effect, Message)
        assert isinstance(close.effect, Closing)
        assert last.effect.after_reopening
        assert {first.effect.conversation, close.effect.conversation} == {last.effect.conversation}


def test_redriven_events_are_of_two_groups_before_and_after_a_close(
    events: list[PlannedEvent],
) -> None:
    redriven = [event for event in events if event.is_redriven]

    assert {event.kind for event in redriven} == {
        "message.received",
        "message.sent",
        "edit",
        "answer",
        "late edit",
    }
    for contact in {event.contact for event in redriven}:
        of_contact = [event for event in redriven if event.contact == contact]
        assert len({event.group_id for event in of_contact}) == 2
        assert {getattr(event.effect, "conversation", 0) for event in of_contact} == {1, 2}
