"""Messages are published with a group and a deduplication id, and never with a delay."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from celery import Celery

from celery_sqs_fifo import FifoTask, UnsupportedOnFifo
from tests.support.chain_app import QUEUE, envelope_of, fifo_app
from tests.support.fake_calls import delivery

UUID_TEXT = "0e9b6c1a-5a47-4a3d-9a66-3f5a1c2b7d10"
AT = datetime(2026, 11, 23, 12, 0, 1, tzinfo=UTC)


@pytest.fixture
def app() -> Iterator[Celery]:
    app = fifo_app()
    yield app
    app.close()


def published(app: Celery) -> Any:
    """Return the next message on the queue of the memory broker."""
    with app.connection_for_read() as connection:
        message = connection.default_channel.basic_get(QUEUE, no_ack=True)
        assert message is not None
        return message


def identities(app: Celery, *moments: float, **options: Any) -> list[str]:
    """Return the deduplication ids of calls at these times, in seconds since noon."""
    ids = []
    for moment in moments:
        with time_machine.travel(AT.timestamp() - 1 + moment, tick=False):
            app.tasks["point"].apply_async((UUID_TEXT,), **{"message_group": "g", **options})
        ids.append(published(app).properties["MessageDeduplicationId"])
    return ids


def test_a_group_and_a_deduplication_id_are_sent(app: Celery) -> None:
    app.tasks["point"].apply_async((UUID_TEXT,), message_group="p:c:u", deduplication_id="once")

    properties = published(app).properties
    assert properties["MessageGroupId"] == "p:c:u"
    assert properties["MessageDeduplicationId"] == "once"


def test_a_published_message_is_accepted_by_the_envelope(app: Celery) -> None:
    app.tasks["point"].apply_async((UUID_TEXT,), message_group="p:c:u")
    message = published(app)
    body = json.dumps({"body": message.body.decode(), "headers": message.headers})
    pointer = delivery(body=body)
    envelope_of(app).classify(pointer)

    assert envelope_of(app).message([pointer])["headers"]["task"] == "point"


def test_a_call_of_a_task_with_a_declared_group_needs_no_group(app: Celery) -> None:
    app.tasks["tick"].delay()
    assert published(app).properties["MessageGroupId"] == "ticks"

    app.tasks["tick"].apply_async(message_group="another")
    assert published(app).properties["MessageGroupId"] == "another"


def test_without_a_group_nothing_is_published(app: Celery) -> None:
    with pytest.raises(UnsupportedOnFifo, match=r"point declares no message_group: .*order"):
        app.tasks["point"].delay(UUID_TEXT)


@pytest.mark.parametrize(
    ("name", "value"),
    [("countdown", 1), ("countdown", 0), ("eta", AT), ("expires", 60), ("priority", 5)],
)
def test_an_option_that_a_fifo_queue_does_not_support_is_refused_with_an_explanation(
    app: Celery, name: str, value: Any
) -> None:
    with pytest.raises(UnsupportedOnFifo, match=rf"^{name} does not work on a FIFO queue: .+\.$"):
        app.tasks["tick"].apply_async(**{name: value})


def test_unsupported_options_that_are_none_are_accepted(app: Celery) -> None:
    """Beat passes an `expires` of None."""
    app.tasks["tick"].apply_async(expires=None, priority=None, countdown=None, eta=None)

    assert published(app).headers["expires"] is None


def test_a_retry_is_refused_with_an_explanation(app: Celery) -> None:
    with pytest.raises(UnsupportedOnFifo, match=r"behind later messages.* again in its place\.$"):
        app.tasks["tick"].retry(countdown=5)


def test_unsupported_calls_raise_a_type_error() -> None:
    assert issubclass(UnsupportedOnFifo, TypeError)


def test_equal_calls_in_the_same_deduplication_period_are_one_message(app: Celery) -> None:
    one, same, next_second = identities(app, 0, 0.9, 1)
    assert one == same != next_second

    app.tasks["point"].deduplicate_for = 5
    one, same, later = identities(app, 0, 4.9, 5)
    assert one == same != later


def test_equal_calls_in_different_groups_are_different_messages(app: Celery) -> None:
    (one,) = identities(app, 0, message_group="a")
    (other,) = identities(app, 0, message_group="b")

    assert one != other


def test_a_deduplication_id_fits_sqs_and_depends_on_the_time(app: Celery) -> None:
    one, later = identities(app, 0, 1, message_group="g" * 128)

    assert len(one) <= 128
    assert one != later


def test_other_options_of_celery_are_passed_on(app: Celery) -> None:
    app.tasks["tick"].apply_async(task_id="chosen", headers={"own": 1})

    message = published(app)
    assert message.headers["id"] == "chosen"
    assert message.headers["own"] == 1


def test_a_task_has_no_pointer_and_no_group_unless_it_declares_them() -> None:
    assert (FifoTask.pointer, FifoTask.message_group, FifoTask.is_barrier) == (None, None, False)
