"""Calls to SQS: whatever goes wrong becomes a string, and nothing is raised into the loop."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError
from botocore.stub import Stubber

from celery_sqs_fifo.consuming.sqs_calls import Answer, Calls
from tests.support.fake_loop import FakeLoop

QUEUE_URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/q.fifo"


class Response:
    """What kombu gives for an answer."""

    def __init__(self, *, status: int, body: bytes | None, reason: str = "") -> None:
        self.status = status
        self.reason = reason
        self._body = body

    def read(self) -> bytes | None:
        """The whole body; kombu gives None where a connection failed."""
        return self._body


class Asynchronous:
    """kombu's AsyncSQSConnection: keeps what was asked for, or fails while signing."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, Any], str]] = []
        self.callbacks: list[Callable[[Any], None]] = []
        self.fails_with: Exception | None = None

    def make_request(
        self,
        operation_name: str,
        params: dict[str, Any],
        queue_url: str,
        verb: str,
        callback: Callable[[Any], None],
        protocol_params: dict[str, Any],
    ) -> None:
        """See kombu.asynchronous.aws.sqs.connection."""
        if self.fails_with:
            raise self.fails_with
        assert (verb, protocol_params) == ("POST", {})
        self.requests.append((operation_name, params, queue_url))
        self.callbacks.append(callback)


class Asked:
    """Calls with fakes around them, and the answers that arrived."""

    def __init__(self) -> None:
        self.asynchronous = Asynchronous()
        self.loop = FakeLoop()
        self.client = boto3.client(
            "sqs", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="s"
        )
        self.calls = Calls(asynchronous=self.asynchronous, client=self.client, hub=self.loop)
        self.answers: list[tuple[Answer, str | None]] = []

    def receive(self) -> None:
        self.calls("ReceiveMessage", queue_url=QUEUE_URL, when_done=self.note, WaitTimeSeconds=2)

    def note(self, answer: Answer, error: str | None) -> None:
        self.answers.append((answer, error))

    def respond(self, status: int, body: bytes | None, reason: str = "") -> None:
        self.asynchronous.callbacks.pop(0)(Response(status=status, body=body, reason=reason))


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def stubber(asked: Asked) -> Iterator[Stubber]:
    asked.calls.wait = True
    with Stubber(asked.client) as stubber:
        yield stubber


def aws_error(code: str) -> bytes:
    return json.dumps({"__type": f"com.amazonaws.sqs#{code}", "message": "no"}).encode()


def test_a_call_is_made_without_waiting_and_its_answer_given_later(asked: Asked) -> None:
    asked.receive()
    assert asked.asynchronous.requests == [("ReceiveMessage", {"WaitTimeSeconds": 2}, QUEUE_URL)]
    assert (asked.answers, asked.calls.open) == ([], 1)

    asked.respond(200, b'{"Messages": []}')
    assert (asked.answers, asked.calls.open) == ([({"Messages": []}, None)], 0)


@pytest.mark.parametrize(
    ("status", "body", "reason", "error"),
    [
        (400, aws_error("QueueDoesNotExist"), "", "HTTP 400 QueueDoesNotExist"),
        (403, aws_error("AccessDenied"), "Forbidden", "HTTP 403 AccessDenied"),
        (400, b'{"__type": "ThrottlingException"}', "", "HTTP 400 ThrottlingException"),
        (500, b"<html>oops</html>", "Server Error", "HTTP 500 Server Error"),
        (503, b"", "Slow Down", "HTTP 503 Slow Down"),
        (503, b"[]", "Slow Down", "HTTP 503 Slow Down"),
        (502, b'{"message": "no type"}', "Bad Gateway", "HTTP 502 Bad Gateway"),
        (502, b"\xff\xfe", "Bad Gateway", "HTTP 502 Bad Gateway"),
        (599, None, "Connection refused", "HTTP 599 Connection refused"),
    ],
)
def test_an_error_of_sqs_or_of_the_network_becomes_a_string(
    asked: Asked, status: int, body: bytes | None, reason: str, error: str
) -> None:
    asked.receive()
    asked.respond(status, body, reason)

    assert asked.answers == [({}, error)]
    assert asked.calls.open == 0


@pytest.mark.parametrize(
    "body",
    [
        b"<html>a proxy's page</html>",
        b"{",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'"text"',
        b"[" * 100_000,
    ],
    ids=["html", "half an object", "no text", "null", "a list", "a string", "deeply nested"],
)
def test_an_answer_that_is_garbage_becomes_a_string(asked: Asked, body: bytes) -> None:
    asked.receive()
    asked.respond(200, body)

    ((answer, error),) = asked.answers
    assert answer == {}
    assert error
    assert asked.calls.open == 0


def test_an_error_with_a_deeply_nested_body_becomes_a_string(asked: Asked) -> None:
    asked.receive()
    asked.respond(500, b"[" * 100_000, "Server Error")

    assert asked.answers == [({}, "HTTP 500 Server Error")]


@pytest.mark.parametrize("error", [NoCredentialsError(), KeyError("region"), OSError("no file")])
def test_an_error_while_a_request_is_signed_becomes_a_string_at_the_loops_next_turn(
    asked: Asked, error: Exception
) -> None:
    asked.asynchronous.fails_with = error
    asked.receive()
    assert (asked.answers, asked.calls.open) == ([], 0)

    asked.loop.run_once()
    assert asked.answers == [({}, type(error).__name__)]


def test_an_error_of_the_callback_is_logged_and_not_raised(
    asked: Asked, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(answer: Answer, error: str | None) -> None:
        raise RuntimeError

    asked.calls("ReceiveMessage", queue_url=QUEUE_URL, when_done=fails)
    asked.respond(200, b"{}")

    (record,) = caplog.records
    assert (record.levelno, record.message) == (
        logging.ERROR,
        "sqs_response_failed",
    )
    assert asked.calls.open == 0


def test_calls_are_counted_by_action(asked: Asked) -> None:
    asked.receive()
    asked.receive()
    asked.calls("DeleteMessageBatch", queue_url=QUEUE_URL, when_done=asked.note, Entries=[])

    assert asked.calls.counts == {"ReceiveMessage": 2, "DeleteMessageBatch": 1}
    assert asked.calls.open == 3


def test_at_shutdown_a_call_waits_for_its_answer(asked: Asked, stubber: Stubber) -> None:
    entries = [{"Id": "0", "ReceiptHandle": "handle"}]
    deleted = {"Successful": [{"Id": "0"}], "Failed": []}
    stubber.add_response(
        "delete_message_batch", deleted, {"QueueUrl": QUEUE_URL, "Entries": entries}
    )
    asked.calls("DeleteMessageBatch", queue_url=QUEUE_URL, when_done=asked.note, Entries=entries)

    assert asked.answers == [(deleted, None)]
    assert (asked.asynchronous.requests, asked.calls.open) == ([], 0)
    assert asked.calls.counts == {"DeleteMessageBatch": 1}


def test_at_shutdown_an_error_of_sqs_becomes_a_string(asked: Asked, stubber: Stubber) -> None:
    stubber.add_client_error("receive_message", "AccessDenied", http_status_code=403)
    asked.receive()

    assert asked.answers == [({}, "AccessDenied")]


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="x"),
        NoCredentialsError(),
        OSError("no file"),
        KeyError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_at_shutdown_any_other_error_becomes_a_string(
    asked: Asked, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fails(**_parameters: Any) -> None:
        raise error

    monkeypatch.setattr(asked.client, "receive_message", fails)
    asked.calls.wait = True
    asked.receive()

    assert asked.answers == [({}, type(error).__name__)]


def test_without_a_loop_calls_wait_from_the_start() -> None:
    assert Calls(asynchronous=None, client=None, hub=None).wait is True
