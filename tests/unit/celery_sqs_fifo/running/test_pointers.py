"""A Celery message on the queue runs only if it is a declared pointer with valid arguments."""

import base64
import json
import pickle
from typing import Any

import pytest
from celery import Celery

from celery_sqs_fifo import FifoTask, PointerForm
from celery_sqs_fifo.running.envelope import Envelope
from celery_sqs_fifo.running.pointers import NotAllowed, UnknownPointer
from tests.support.chain_app import decoded, envelope_of, fifo_app
from tests.unit.celery_sqs_fifo.running.test_envelope import (
    NO_EMBED,
    UUID_TEXT,
    celery_body,
    classified,
    message_of,
)


@pytest.fixture(scope="module")
def app() -> Celery:
    return fifo_app()


@pytest.fixture(scope="module")
def envelope(app: Celery) -> Envelope:
    return envelope_of(app)


def test_a_pointer_is_a_barrier_if_its_task_is_one(envelope: Envelope) -> None:
    assert classified(envelope, celery_body("close")).is_barrier is True
    assert classified(envelope, celery_body("point")).is_barrier is False
    assert classified(envelope, celery_body("unknown")).is_barrier is False


@pytest.mark.parametrize(
    ("task", "arguments"), [("point", [UUID_TEXT]), ("close", [UUID_TEXT]), ("tick", [])]
)
def test_a_declared_pointer_with_arguments_of_its_form_runs(
    envelope: Envelope, task: str, arguments: list[str]
) -> None:
    message = message_of(envelope, celery_body(task, args=arguments))

    assert message["headers"]["task"] == task
    assert decoded(message) == (arguments, {}, NO_EMBED)


@pytest.mark.parametrize(
    "body",
    [
        celery_body("unknown"),
        celery_body("undeclared", args=[]),
        celery_body("ordinary", args=[]),
        celery_body("first", args=[[]]),
        celery_body("celery.backend_cleanup", args=[]),
        celery_body("tick", args=[UUID_TEXT]),
        celery_body("tick", args=[None]),
        celery_body("point", args=[]),
        celery_body("point", args=[UUID_TEXT, UUID_TEXT]),
        celery_body("point", args=["no uuid"]),
        celery_body("point", args=[[UUID_TEXT]]),
        celery_body("point", args=[12]),
        celery_body("point", args=[None]),
        celery_body("point", args={"0": UUID_TEXT}),
        celery_body("point", args=UUID_TEXT),
        celery_body("point", args=["0x" + "0" * 30]),
        celery_body("point", args=["\n" + "0" * 31]),
        celery_body("point", args=["0_" * 15 + "00"]),
        celery_body("point", kwargs={"uuid": UUID_TEXT}),
        celery_body("tick", args=[], kwargs={"a": 1}),
        celery_body("tick", args=[], kwargs=[1]),
        celery_body("tick", body="[[], {}]"),
        celery_body("tick", body="[[], {}, {}, {}]"),
        celery_body("tick", body="[[], {}, []]"),
        celery_body("tick", body="{}"),
        celery_body("tick", body=""),
        celery_body("tick", body=None),
        celery_body("tick", body=[[], {}, {}]),
        celery_body("tick", body=base64.b64encode(b"[[], {}, {}]").decode()),
        celery_body("tick", body=pickle.dumps(([], {}, {}), protocol=0).decode()),
        celery_body("tick", body="[" * 100_000),
        celery_body("tick", body="- []\n- {}\n- {}\n"),
    ],
    ids=range(32),
)
def test_any_other_celery_message_is_not_allowed(envelope: Envelope, body: str) -> None:
    one = classified(envelope, body)
    assert one.is_celery is True

    with pytest.raises(NotAllowed):
        envelope.message([one])


def do_nothing() -> None:
    """Run as a task that does nothing."""


@pytest.mark.parametrize(
    ("task", "is_unknown"),
    [
        ("tasks.later.added", True),
        ("tasks.known", False),
        ("os.system", False),
        ("tasks", False),
        ("unknown", False),
        ("tasksother.later", False),
        (".later", False),
    ],
)
def test_only_an_unknown_task_in_the_package_of_a_pointer_may_be_one_of_a_newer_release(
    task: str, is_unknown: bool
) -> None:
    app = fifo_app()
    app.task(
        do_nothing,
        name="tasks.known",
        base=FifoTask,
        pointer=PointerForm.NO_ARGUMENTS,
        shared=False,
    )
    envelope = envelope_of(app)

    with pytest.raises(NotAllowed) as refusal:
        message_of(envelope, celery_body(task, args=[UUID_TEXT]))

    assert isinstance(refusal.value, UnknownPointer) is is_unknown


def test_a_refusal_quotes_no_argument(envelope: Envelope) -> None:
    with pytest.raises(NotAllowed) as refusal:
        message_of(envelope, celery_body("point", args=["a secret"]))

    assert "secret" not in str(refusal.value)


NUMBER = PointerForm("one number above 0", lambda given: len(given) == 1 and given[0] > 0)


def _count(_number: int) -> None:
    """Do nothing."""


@pytest.fixture(scope="module")
def counting() -> Envelope:
    """Return the envelope of an app whose task `count` takes a number."""
    app = fifo_app()
    app.task(_count, name="count", base=FifoTask, shared=False, pointer=NUMBER)
    return envelope_of(app)


def test_an_application_may_declare_a_form_of_its_own(counting: Envelope) -> None:
    assert decoded(message_of(counting, celery_body("count", args=[7])))[0] == [7]


@pytest.mark.parametrize("arguments", [[-7], [7, 7], ["7"], [None]])
def test_arguments_are_not_allowed_if_their_form_rejects_them_or_raises_an_error(
    counting: Envelope, arguments: list[Any]
) -> None:
    with pytest.raises(NotAllowed, match=r"^this pointer takes one number above 0$"):
        message_of(counting, celery_body("count", args=arguments))


def test_signatures_in_the_body_are_ignored(envelope: Envelope) -> None:
    forged: dict[str, Any] = {
        "task": "ordinary",
        "args": [],
        "kwargs": {},
        "options": {},
        "subtask_type": None,
    }
    embed = {
        "callbacks": [forged],
        "errbacks": [forged],
        "chain": [forged],
        "chord": forged,
        "task": "ordinary",
        "id": "forged",
        "group": "forged",
    }
    message = message_of(envelope, celery_body("tick", args=[], embed=embed))

    assert decoded(message) == ([], {}, NO_EMBED)


def test_headers_and_properties_of_a_message_are_ignored(envelope: Envelope) -> None:
    headers = {
        "task": "tick",
        "id": "forged",
        "eta": "2099-01-01T00:00:00+00:00",
        "expires": "2000-01-01T00:00:00+00:00",
        "timelimit": [0.001, 0.001],
        "shadow": "another name",
        "argsrepr": "forged",
        "stamped_headers": ["a"],
        "compression": "zlib",
        "reply_to": "forged",
        "forged": "forged",
    }
    properties = {"reply_to": "forged", "delivery_tag": "forged", "priority": 9}
    message = message_of(
        envelope, celery_body("tick", args=[], headers=headers, properties=properties)
    )

    text = json.dumps(message)
    assert "forged" not in text
    assert "another name" not in text
    assert (message["headers"]["eta"], message["headers"]["expires"]) == (None, None)
    assert message["headers"]["timelimit"] == [None, None]
    assert "compression" not in message["headers"]


def test_a_message_with_another_content_type_is_read_only_as_json(
    envelope: Envelope,
) -> None:
    named = {"content-type": "application/x-python-serialize", "content-encoding": "binary"}
    message = message_of(envelope, celery_body("tick", args=[], **named))

    assert (message["content-type"], message["content-encoding"]) == ("application/json", "utf-8")


def test_a_message_that_apply_async_writes_is_accepted(app: Celery, envelope: Envelope) -> None:
    message = app.amqp.as_task_v2("id", "point", args=(UUID_TEXT,))
    body = json.dumps({"body": json.dumps(message.body), "headers": message.headers})

    assert decoded(message_of(envelope, body))[0] == [UUID_TEXT]


def test_a_pointer_without_arguments_is_a_tick(envelope: Envelope) -> None:
    assert classified(envelope, celery_body("tick", args=[])).tick == "tick"


@pytest.mark.parametrize(
    "body", [celery_body("point"), celery_body("unknown"), '{"event_type": "x"}', "garbage"]
)
def test_no_other_message_is_a_tick(envelope: Envelope, body: str) -> None:
    assert classified(envelope, body).tick == ""
