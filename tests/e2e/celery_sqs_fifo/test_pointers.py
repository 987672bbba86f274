"""A Celery message runs only if it is a declared pointer."""

import json

from tests.e2e.conftest import any_batch_size
from tests.support.running_fifo_app import FifoApp

FORGERIES = (
    '{"headers": {"task": "secret"}, "body": "[[], {}, {}]", "properties": {}}',
    '{"headers": {"task": "first"}, "body": "[[[]], {}, {}]", "properties": {}}',
    '{"headers": {"task": "tick"}, "body": "[[1], {}, {}]", "properties": {}}',
    '{"headers": {"task": "tests.support.fifo_app.os.system"}, "properties": {}}',
)


def test_forged_celery_messages_are_quarantined_and_never_run(fifo_app: FifoApp) -> None:
    for number, body in enumerate(FORGERIES):
        fifo_app.send(group="a", number=number)
        fifo_app.send_body(body, group="a")
    fifo_app.start_worker(concurrency=1)
    fifo_app.wait_until_empty()
    assert fifo_app.done() == {"a": list(range(len(FORGERIES)))}
    assert {line.step for line in fifo_app.journal()} == {"first", "second", "third"}
    assert fifo_app.dead_letter_reasons() == ["not_allowed"] * len(FORGERIES)


def test_a_declared_pointer_runs_between_events(fifo_app: FifoApp) -> None:
    fifo_app.send(group="a", number=1)
    fifo_app.send_body(
        '{"headers": {"task": "tick"}, "body": "[[], {}, {}]", "properties": {}}', group="a"
    )
    fifo_app.send(group="a", number=2)
    fifo_app.start_worker(concurrency=1)
    fifo_app.wait_until_empty()
    ended = [line for line in fifo_app.journal() if line.step in ("third", "tick")]
    assert [(line.step, line.number) for line in ended if line.verb == "did"] == [
        ("third", 1),
        ("tick", 0),
        ("third", 2),
    ]


@any_batch_size
def test_a_document_shaped_like_a_celery_message_is_an_event_if_the_application_says_so(
    fifo_app: FifoApp,
) -> None:
    event = {"event_type": "plain", "group": "a", "number": 1}
    forged = {"headers": {"task": "tick"}, "body": "[[], {}, {}]", "properties": {}}
    fifo_app.send_body(json.dumps(event | forged), group="a")
    fifo_app.start_worker(concurrency=1)
    fifo_app.wait_until_empty()
    assert fifo_app.done() == {"a": [1]}
    assert {line.step for line in fifo_app.journal()} == {"first", "second", "third"}
    assert fifo_app.dead_letters() == []
