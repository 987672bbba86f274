"""The envelope classifies SQS messages and converts them to Celery messages."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from celery import Celery
from hypothesis import given, settings
from hypothesis import strategies as st

from celery_sqs_fifo.delivery import Delivery
from celery_sqs_fifo.running.envelope import Envelope
from tests.support.chain_app import (
    CHAIN,
    QUEUE,
    decoded,
    envelope_of,
    fifo_app,
    run_as_pool_process,
)
from tests.support.fake_calls import delivery

UUID_TEXT = "0e9b6c1a-5a47-4a3d-9a66-3f5a1c2b7d10"
NO_EMBED = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}


@pytest.fixture(scope="module")
def app() -> Celery:
    return fifo_app()


@pytest.fixture(scope="module")
def envelope(app: Celery) -> Envelope:
    return envelope_of(app, is_event=_has_a_type, is_barrier=_closes)


def _closes(document: Any) -> bool:
    return isinstance(document, dict) and document.get("event_type") == "close"


def _has_a_type(document: Any) -> bool:
    return isinstance(document, dict) and "event_type" in document


def celery_body(
    task: Any = "point",
    *,
    args: Any = (UUID_TEXT,),
    kwargs: Any = None,
    embed: Any = None,
    **changes: Any,
) -> str:
    """Return a body as `apply_async` writes it; `changes` replace parts of it."""
    body = json.dumps([args, kwargs or {}, NO_EMBED if embed is None else embed])
    document = {
        "body": body,
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": task, "id": "published-id", "argsrepr": "secret"},
        "properties": {"delivery_tag": "t", "correlation_id": "c", "body_encoding": None},
    }
    return json.dumps({**document, **changes})


def classified(envelope: Envelope, body: str, **changes: Any) -> Delivery:
    one = delivery(body=body, **changes)
    envelope.classify(one)
    return one


def message_of(envelope: Envelope, body: str) -> dict[str, Any]:
    return envelope.message([classified(envelope, body)])


@pytest.mark.parametrize(
    "body",
    [
        '{"event_type": "message.received", "data": {}}',
        '{"event_type": "x", "properties": {"delivery_tag": 1}, "task": "tick", "headers": {}}',
        '{"event_type": "x", "headers": {"task": "tick"}, "body": "[[], {}, {}]"}',
        '{"task": "tick", "id": "1", "args": [], "kwargs": {}}',
        '{"properties": {"delivery_tag": 1}}',
        '{"headers": {"task": ["tick"]}}',
        '{"headers": "task"}',
        '{"headers": {}}',
        '{"body": "W10=", "headers": null}',
        "[]",
        '[{"headers": {"task": "tick"}}]',
        "null",
        "12",
        '"text"',
        "",
        "not json",
        "\x00",
        "{",
        "[" * 100_000,
        '{"headers": {"task": "tick"}, "a": ' + "[" * 100_000,
    ],
    ids=range(20),
)
def test_any_body_that_is_not_a_celery_message_is_an_event(envelope: Envelope, body: str) -> None:
    one = classified(envelope, body)
    message = envelope.message([one])

    assert (one.is_celery, one.is_barrier) == (False, False)
    assert message["headers"]["task"] == "first"
    (events,), kwargs, _embed = decoded(message)
    assert (events[0]["body"], kwargs) == (body, {})


@settings(derandomize=True, max_examples=100)
@given(body=st.text(st.characters(codec=None)))
def test_any_text_reaches_the_first_step_unchanged(body: str) -> None:
    (events,), _kwargs, _embed = decoded(message_of(envelope_of(APP), body))

    assert events[0]["body"] == body


@pytest.mark.parametrize("event_type", [[], {}, [["close"]], None, 1])
def test_the_rule_for_barriers_receives_an_event_type_of_any_json_type(
    envelope: Envelope, event_type: Any
) -> None:
    body = json.dumps({"event_type": event_type})

    assert classified(envelope, body).is_barrier is False


def test_an_event_whose_rules_fail_is_a_barrier_that_goes_alone(
    app: Celery,
) -> None:
    """One message must not prevent the others of its receive from being handled."""

    def fails(document: Any) -> bool:
        raise TypeError(document)

    envelope = envelope_of(app, is_barrier=fails, goes_alone=fails)
    one = classified(envelope, '{"event_type": []}')

    assert (one.is_celery, one.is_barrier, one.is_single) == (False, True, True)


@pytest.mark.parametrize("body", ['{"event_type": "x"}', "[]", "not json", '{"headers": {}}'])
def test_the_rule_for_events_is_called_only_for_documents_shaped_like_celery_messages(
    app: Celery, body: str
) -> None:
    documents: list[Any] = []
    envelope = envelope_of(app, is_event=documents.append)

    assert classified(envelope, body).is_celery is False
    assert classified(envelope, celery_body("tick", args=())).is_celery is True
    assert [document["headers"]["task"] for document in documents] == ["tick"]


def test_without_a_rule_for_events_the_shape_alone_decides(app: Celery) -> None:
    body = '{"event_type": "x", "headers": {"task": "tick"}, "body": "[[], {}, {}]"}'

    assert classified(envelope_of(app), body).is_celery is True


def test_a_celery_message_for_which_the_rule_for_events_fails_is_an_event(
    app: Celery, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(document: Any) -> bool:
        raise TypeError(document)

    message = message_of(envelope_of(app, is_event=fails), celery_body("tick", args=()))

    assert message["headers"]["task"] == "first"
    assert "secret" not in str([record.__dict__ for record in caplog.records])


def test_a_barrier_is_recognized_by_the_json_of_the_event(envelope: Envelope) -> None:
    assert classified(envelope, '{"event_type": "close"}').is_barrier is True
    assert classified(envelope, '{"event_type": "message"}').is_barrier is False


def test_an_event_that_goes_alone_is_recognized_by_its_json(app: Celery) -> None:
    envelope = envelope_of(app, goes_alone=lambda document: document["event_type"] == "answer")

    answer = classified(envelope, '{"event_type": "answer"}')
    assert (answer.is_single, answer.is_barrier, answer.goes_alone) == (True, False, True)
    assert classified(envelope, '{"event_type": "message"}').goes_alone is False


def test_a_barrier_with_a_number_of_thousands_of_digits_is_recognized(
    envelope: Envelope,
) -> None:
    body = '{"event_type": "close", "data": {"number": ' + "9" * 5_000 + "}}"

    assert classified(envelope, body).is_barrier is True


def test_the_parser_and_the_steps_receive_the_texts_of_the_attributes_that_the_rules_name(
    app: Celery,
) -> None:
    calls: list[Any] = []

    def parse(body: str, attributes: Mapping[str, str]) -> Any:
        calls.append((body, attributes))
        return {"event_type": attributes.get("type")}

    envelope = envelope_of(app, parse=parse, attributes=("type", "bytes"), is_barrier=_closes)
    one = delivery(
        body="{}",
        attributes={
            "type": {"DataType": "String", "StringValue": "close"},
            "bytes": {"DataType": "Binary", "BinaryValue": "AAAA"},
            "other": {"DataType": "String", "StringValue": "x"},
        },
    )
    envelope.classify(one)
    (events,), _kwargs, _embed = decoded(envelope.message([one]))

    assert calls == [("{}", {"type": "close"})]
    assert one.is_barrier
    assert events[0]["attributes"] == {"type": "close"}


def test_all_deliveries_of_a_message_have_the_same_task_id(envelope: Envelope) -> None:
    first, again, other = (delivery(name) for name in ("same", "same", "other"))
    ids = [envelope.message([one])["headers"]["id"] for one in (first, again, other)]
    pointer, replayed = (classified(envelope, celery_body("point"), name="same") for _ in range(2))

    assert ids[0] == ids[1] != ids[2]
    assert (
        envelope.message([pointer])["headers"]["id"]
        == envelope.message([replayed])["headers"]["id"]
    )


def test_each_step_of_each_batch_has_a_different_task_id(envelope: Envelope) -> None:
    messages = [
        envelope.message(batch)
        for batch in ([delivery("1")], [delivery("2")], [delivery("1"), delivery("2")])
    ]
    ids = [message["headers"]["id"] for message in messages] + [
        step["options"]["task_id"] for message in messages for step in decoded(message)[2]["chain"]
    ]

    assert len(set(ids)) == len(ids) == 9


def test_headers_contain_only_the_ids_of_a_message(
    envelope: Envelope,
) -> None:
    batch = [delivery("id-1", body="a secret"), delivery("id-2", body="a secret", group="secret")]
    message = envelope.message(batch)

    assert message["headers"]["argsrepr"] == "(id-1,id-2)"
    assert message["headers"]["kwargsrepr"] == "{}"
    assert "secret" not in json.dumps([message["headers"], message["properties"]])


def _labels(*, group_id: str, event: Any = None, task: str = "", arguments: Any = ()) -> Any:
    if event == {"event_type": "broken"}:
        raise TypeError(event)
    return {"seen": [len(group_id), event, task, list(arguments)]}


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        ('{"event_type": "close"}', [1, {"event_type": "close"}, "", []]),
        ("not json", [1, None, "", []]),
        (celery_body("point"), [1, None, "point", [UUID_TEXT]]),
        (celery_body("tick", args=()), [1, None, "tick", []]),
        (celery_body("ordinary", args=("a secret",)), [1, None, "", []]),
        (celery_body("point", args=("a secret",)), [1, None, "", []]),
    ],
    ids=["event", "not json", "pointer", "tick", "no pointer", "forged arguments"],
)
def test_labels_are_made_from_an_event_or_a_declared_pointer_and_not_from_a_forgery(
    app: Celery, body: str, seen: Any
) -> None:
    envelope = envelope_of(app, is_barrier=_closes, labels_of=_labels)

    assert classified(envelope, body).labels == {"seen": seen}


def test_an_event_whose_labels_fail_has_no_labels(app: Celery) -> None:
    envelope = envelope_of(app, is_barrier=_closes, labels_of=_labels)

    one = classified(envelope, '{"event_type": "broken"}')
    assert (one.is_celery, one.labels) == (False, {})


def test_the_labels_of_a_delivery_include_its_run(envelope: Envelope) -> None:
    batch = [delivery("1", failures=2), delivery("2", failures=2)]
    message = envelope.message(batch)

    run = {"task_id": message["headers"]["id"], "step": "first", "attempt": 3}
    assert [one.labels for one in batch] == [run, run]


def test_a_pool_process_receives_the_labels_of_a_pointer(app: Celery) -> None:
    envelope = envelope_of(app, is_barrier=_closes, labels_of=_labels)
    headers = envelope.message([classified(envelope, celery_body("point"), name="m")])["headers"]

    assert headers["labels"] == {"seen": [1, None, "point", [UUID_TEXT]], "message_id": "m"}


def test_a_batch_is_one_message_with_the_receipt_handle_of_its_first_delivery(
    envelope: Envelope,
) -> None:
    batch = [delivery("1", failures=3), delivery("2")]
    message = envelope.message(batch)

    assert message["properties"]["delivery_tag"] == batch[0].receipt_handle
    assert message["properties"]["delivery_info"] == {"exchange": "", "routing_key": QUEUE}
    assert message["properties"]["correlation_id"] == message["headers"]["id"]
    assert message["headers"]["retries"] == 3
    assert message["headers"]["ignore_result"] is True


def test_a_batch_is_decoded_in_a_pool_process_to_the_same_events(envelope: Envelope) -> None:
    batch = [
        delivery("1", group="a", body='{"text": "\\u0000 \\ud83d \U0001f615"}', sent_at=12.5),
        delivery("2", group="b", body='{"__type__": "uuid", "__value__": {"hex": "x"}}'),
    ]
    (events,), kwargs, embed = decoded(envelope.message(batch))

    assert events == [
        {
            "message_id": one.message_id,
            "group_id": one.group_id,
            "place": str(one.place),
            "body": one.body,
            "attributes": {},
            "receive_count": one.receive_count,
            "traceparent": "",
        }
        for one in batch
    ]
    assert kwargs == {}
    assert [step["task"] for step in reversed(embed["chain"])] == list(CHAIN[1:])


def test_a_chain_of_one_task_embeds_nothing(app: Celery) -> None:
    envelope = envelope_of(app, chain=("third",))

    assert decoded(envelope.message([delivery()]))[2]["chain"] is None


def test_a_probe_runs_and_its_tag_differs_from_those_of_deliveries(
    app: Celery, envelope: Envelope
) -> None:
    (tag, message), (other_tag, _) = envelope.probe("ordinary"), envelope.probe("ordinary")

    assert tag != other_tag
    assert message["properties"]["delivery_tag"] == tag
    assert (envelope.is_probe(tag), envelope.is_probe(delivery().receipt_handle)) == (True, False)
    failed, _result, _runtime = run_as_pool_process(fifo_app(run_pointer=lambda: None), message)
    assert failed == 0


APP = fifo_app()
